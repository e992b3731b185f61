"""Piggyback (Mallya et al., ECCV 2018): adapting one network to many tasks by masking weights.

The first task trains the whole network; later ones keep its weights, norms and biases as they are,
and learn a real-valued mask over the weights, binarised at a threshold, and a head of their own.
(The paper begins with a network trained on ImageNet.) Six fine-grained tasks as reported with CPG:
76.2, 81.6, 89.6, 94.8, 71.3 and 79.9 % at 121 MB.
"""
