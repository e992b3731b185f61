"""DWA: a task counts more where its loss falls more slowly, looked at once per epoch.

Liu, Johns, Davison: End-to-End Multi-Task Learning with Attention, CVPR 2019. Of the mean losses of
the last two epochs, the newer one / the older one is divided by `temperature`; the softmax over
tasks is the weights of the next epoch. Equal ones before there are two epochs.
"""

import torch
from torch import Tensor

from lifelong.joint.weighting import Forward, Start, Weighting


class DWA(Weighting):
    """`epochs` (2, T): the mean losses of the epoch before the last and of the last, or NaN."""

    def __init__(self, start: Start) -> None:
        super().__init__(start)
        self.epochs = torch.full((2, self.count), torch.nan, device=start.device)

    def weights(self) -> Tensor:
        older, newer = self.epochs
        weights = (newer / older / self.start.options["temperature"]).softmax(0)
        return torch.where(self.epochs.isnan().any(), self.equal(), weights)

    def backward(self, one: Forward) -> Tensor:
        weights = self.weights()
        (weights * one.losses).sum().backward()
        return weights

    def end_epoch(self, losses: Tensor) -> None:
        self.epochs.copy_(torch.stack([self.epochs[1], losses]))

    def state(self) -> dict[str, Tensor]:
        return {"epochs": self.epochs}
