"""The optimiser that the recipe chooses."""

from collections.abc import Sequence

from torch import Tensor

from lifelong.optim.optimisers import SGD, Adam, Optimiser
from lifelong.optim.phase import Phase
from lifelong.optim.rmsprop import RMSProp


def optimiser_of(parameters: Sequence[Tensor], phase: Phase, decay: float) -> Optimiser:
    """A fresh optimiser of the kind that a phase wants."""
    if phase.optimiser == "adam":
        return Adam(parameters, decay)
    if phase.optimiser == "rmsprop":
        return RMSProp(parameters, decay, phase.momentum, phase.epsilon)
    return SGD(parameters, decay, phase.momentum)
