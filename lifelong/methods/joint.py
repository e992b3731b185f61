"""Joint training: all tasks of a lesson at once, the upper reference of lifelong learning.

One trunk, a head for each task (Caruana, 1997); their losses have fixed weights, equal ones unless
`joint.weights` says otherwise. Nothing can be forgotten, because no task is learned before another.
"""

import torch
from torch import Tensor

from lifelong.joint.weighting import Forward, Start, Weighting


class Fixed(Weighting):
    """Weights from the configuration, divided by their sum."""

    def __init__(self, start: Start) -> None:
        super().__init__(start)
        given = [float(start.options["weights"].get(task, 1.0)) for task in start.tasks]
        self.weights = torch.tensor(given, device=start.device) / sum(given)

    def backward(self, one: Forward) -> Tensor:
        (self.weights * one.losses).sum().backward()
        return self.weights
