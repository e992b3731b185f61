"""SupSup (Wortsman et al., NeurIPS 2020), mode GG: supermasks in superposition, the task known.

The weights are random signs times one constant per layer and are never trained; every task learns a
mask over them, the half of each layer with the largest scores, and its own head. The weights come
from a seed and are in no file.
CIFAR-100's 20 superclasses with LeNet as reported with WSN: 61.7 %. Measured here
(experiments/superclass_lenet.yaml, seed 0): 59.5 %, and 61.2 % with 100 outputs for 5 classes, as
WSN's program has them.
"""
