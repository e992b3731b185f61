"""Uncertainty weighting: a task counts less the noisier it seems.

Kendall, Gal, Cipolla: Multi-Task Learning Using Uncertainty to Weigh Losses for Scene Geometry and
Semantics, CVPR 2018. Each task has s, the logarithm of a variance, from 0; its classification loss
counts exp(-s), and s / 2 is added to the loss. Tends to weights of 1 / (2 loss): easy tasks count
more. s is trained with the network, without weight decay.
"""

import torch
from torch import Tensor

from lifelong.joint.weighting import Forward, Start, Weighting


class Uncertainty(Weighting):
    """`log_variances` (T,) are trained with the network."""

    def __init__(self, start: Start) -> None:
        super().__init__(start)
        self.log_variances = torch.zeros(self.count, device=start.device, requires_grad=True)
        self.with_network = [self.log_variances]

    def backward(self, one: Forward) -> Tensor:
        weights = torch.exp(-self.log_variances) / self.count
        (weights * one.losses + 0.5 * self.log_variances / self.count).sum().backward()
        return weights.detach()
