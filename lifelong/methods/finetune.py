"""Fine-tuning: one separate network per task, started from another task's network.

Each repetition copies the separate network of an earlier task, drawn at random, head included, and
trains on. The mean and the best over repetitions are the goals fine-Avg and fine-Max of CPG
(NeurIPS 2019): 78.6 % and 80.2 % on CIFAR-100 in 20 tasks, as reported there.
Measured here: 68.0 % on experiments/cifar100_5_quick.yaml with one repetition (scratch: 67.4 %).
"""
