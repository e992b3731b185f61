"""PAE (Hung et al., ICMR 2019): Increasingly Packing Multiple Facial-Informatics Modules.

Packing and expanding: learn in the free weights beside all old ones, prune gradually to the largest
ratio that still meets the goal, and widen the network when a task cannot meet it.
CIFAR-100 in 20 tasks, as reported with CPG: 77.1 % at up to twice the weights.
Measured here: 68.9 % on experiments/cifar100_5_quick.yaml (scratch: 67.4 %), 0.21 of its bytes.
"""
