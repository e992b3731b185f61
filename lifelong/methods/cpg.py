"""CPG (Hung et al., NeurIPS 2019): Compacting, Picking and Growing for Unforgetting Learning.

As PAE, and old weights are picked: a task learns a real-valued mask over them, binarised at a
threshold with a straight-through gradient (Piggyback), together with its own weights; after
pruning, mask and surviving weights are trained once more and kept if that is better.
CIFAR-100 in 20 tasks as reported: 80.9 % (goals fine-Avg, 1.09 x the weights) to 81.7 %.
Measured here: 69.7 % on experiments/cifar100_5_quick.yaml (scratch: 67.4 %), 0.21 of its bytes.
"""
