"""WSN (Kang et al., ICML 2022): forget-free continual learning with winning subnetworks.

Weights and scores are trained at once; a task uses the share c of every layer that has the largest
scores, old weights and free ones alike, changes only free ones, and owns those that it picks when
it ends. Scores are carried on from task to task, which lets later tasks use more of older ones.
CIFAR-100's 20 superclasses with LeNet as reported: 61.8 % at c 0.5 (67 % of the weights used), 60.5
% at 0.1 (25 %). Measured here (experiments/superclass_lenet.yaml): 60.3 % at 0.5 (62 %, three
seeds), 60.2 % at 0.1 (23 %, one), and at 0.5 with 100 outputs for 5 classes, as the released
program has them, 61.0 % (three seeds), with its `stale_masks` as well 62.2 % (67 %, one).
The paper takes masks for 0.22 bits per weight and task, a constant. Here the picks of older weights
take 0.24 with seed 0, stored as differences from the task before (benchmarks/mask_bytes.py); the
positions of a task's own weights come on top.
"""
