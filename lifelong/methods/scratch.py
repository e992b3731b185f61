"""Train from scratch: one separate network per task, the reference for size and accuracy.

Nothing is shared and nothing forgotten; T tasks cost T networks. Its accuracies are the usual
goals of PAE and CPG. CIFAR-100 in 20 tasks, as reported with CPG: 78.8 % on average.
Measured here: 67.4 % on experiments/cifar100_5_quick.yaml (five tasks, narrow, few epochs).
"""
