"""PackNet (Mallya & Lazebnik, CVPR 2018): adding tasks to one network by iterative pruning.

Learn in the free weights, release a fixed share of them at once, retrain what is left, freeze it.
All old weights are used as they are, and the network never grows, so that late tasks starve:
task k keeps 0.4 x 0.6^(k-1) of each layer at the ratio of 60 % used here.
CIFAR-100 in 20 tasks, as reported with CPG (norms and biases per task): 67.5 %.
CIFAR-100's 20 superclasses with LeNet, 5 % of what is free for each task, as reported with WSN:
58.8 %; here 58.7 % where released weights start anew (three seeds), 55.5 % from zero (one).
Measured here: 66.6 % on experiments/cifar100_5_quick.yaml (scratch: 67.4 %), 0.21 of its bytes.
"""
