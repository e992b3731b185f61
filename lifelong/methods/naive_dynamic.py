"""Naive dynamic weights: the unit of `dynamic` trained by the sum that it weighs.

The idea before dynamic weights had a loss of their own (see dynamic.py). Whatever lowers the sum of
weight x loss is fine, so weight moves to the easier task and stays there. Here to compare with.
"""

from torch import Tensor

from lifelong.joint.weighting import Forward, Start, Weighting
from lifelong.methods.dynamic import Unit


class NaiveDynamic(Weighting):
    """One optimiser for network and unit, and one objective."""

    def __init__(self, start: Start) -> None:
        super().__init__(start)
        self.unit = Unit(start)
        self.with_network = self.unit.parameters

    def backward(self, one: Forward) -> Tensor:
        leaks = self.start.options["trunk_leak"]
        weights = self.unit(one.features if leaks else one.features.detach())
        (weights * one.losses).sum().backward()
        return weights.detach()
