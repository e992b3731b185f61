"""The training step of a task that learns its output layer alone."""

from torch import Tensor

from lifelong.masks.head_learner import HeadLearner
from lifelong.optim.chosen import optimiser_of
from lifelong.optim.optimisers import SGD, Adam, Optimiser, Rate
from lifelong.optim.phase import Phase
from lifelong.train.losses import CrossEntropy, Loss
from lifelong.train.step import Step


class Untouched:
    """Stands where a step updates the weights that tasks share: here none moves."""

    def __init__(self) -> None:
        self.optimiser: Optimiser = SGD([], 0.0, 0.0)
        self.adam: Adam | None = None

    def zero_grad(self) -> None:
        """There is no gradient."""

    def before_forward(self) -> None:
        """There is nothing to prepare."""

    def state(self) -> dict[str, Tensor]:
        """There is nothing to remember."""
        return {}

    def step(self, rate: Rate, mask_rate: Rate) -> None:
        """Nothing moves."""


def head_step(learner: HeadLearner, phase: Phase, loss: Loss | None = None) -> Step:
    """The step of a phase with a fresh optimiser; the head decays as shared weights do."""
    others = optimiser_of(learner.others(), phase, phase.weight_decay)
    return Step(learner, Untouched(), others, phase.precision, None, loss or CrossEntropy())
