"""What the loop, the stages and the records want of a task being learned in the layer family.

A method is a subclass of `LayerLearner`; nothing but its paper's idea is in it. Random numbers of
training come from the generator that the step hands over, so that a resumed run repeats them.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from lifelong.layers.model import LayerModel, TaskView, Tensors
from lifelong.layers.part import LayerCard


@dataclass(frozen=True)
class LayerStart:
    """What a learner begins with; `card.pattern` is the pattern of the configuration.

    `held_out` gives the images (N, C, H, W) and labels (N,) that decide, none of them trained on.
    """

    model: LayerModel
    card: LayerCard
    seed: int
    device: str
    held_out: Callable[[], tuple[Tensor, Tensor]] | None = None


@dataclass(frozen=True)
class Fact:
    """What a number of a record is about: a metric, perhaps of one layer or pattern."""

    metric: str
    layer: int | None = None  # from 0
    pattern: str | None = None


@dataclass(frozen=True)
class TrainingPart:
    """One of the phases that a task is learned in: `share` of its epochs, perhaps at one rate.

    `rest`: all epochs that are left, whatever the phases before it were rounded to.
    """

    name: str = ""
    share: float = 1.0
    steady: bool = False
    rest: bool = False


class LayerLearner(ABC):
    """A task being learned. `tensors` holds all it works on, by whole name, on the device."""

    optimiser = "rmsprop"  # or "adam"
    gradient_scale = 1.0  # by which all gradients are multiplied before the optimiser sees them
    part = TrainingPart()

    def __init__(self, start: LayerStart) -> None:
        self.model, self.card, self.device = start.model, start.card, start.device
        self.options = start.card.options
        self.start_generator = torch.Generator().manual_seed(start.seed)  # of first values only
        self.tensors: Tensors = {}
        self.network = TaskView(self.logits)
        # RMSProp's mean squares by tensor name: current, and initial.
        self.squares: Tensors = {}
        self.carried: Tensors = {}

    @abstractmethod
    def objective(self, x: Tensor, y: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """The loss to minimise (scalar, with a graph), and logits (batch, classes) to count by."""

    @abstractmethod
    def logits(self, x: Tensor) -> Tensor:
        """What the task's network says now, without dropout: (batch, classes)."""

    @abstractmethod
    def commit(self, pattern: str) -> tuple[LayerCard, Tensors]:
        """What the task leaves behind: its card, and every tensor it brought or changed."""

    def trained(self) -> Tensors:
        """The tensors that the optimiser steps, always in the same order."""
        return {name: tensor for name, tensor in self.tensors.items() if tensor.requires_grad}

    def older(self, position: int) -> TaskView | None:
        """An older task's network on the tensors as they are now; None where none of it moved."""
        return None

    def patterns(self) -> dict[str, float]:
        """How good each pattern is; `select` takes the first of the best. One: there is no choice.

        Read after training.
        """
        return {self.card.pattern: 1.0}

    def epoch_facts(self) -> dict[Fact, float]:
        """Numbers for the record after an epoch; a new epoch begins with the call."""
        return {}

    def following(self, last: Mapping[Fact, float]) -> "LayerLearner | None":
        """The learner of the task's next phase; None where the task is learned.

        `last`: the facts of the last epoch. The next learner must be the same when it is made again
        from the facts on its card.
        """
        return None

    def finish(self, batches: Iterable[Tensor]) -> None:
        """Look once at the images that decide, when all of the training is over."""
        return

    def before_step(self, x: Tensor, y: Tensor, generator: torch.Generator, rate: float) -> None:
        """What else a step does, before the weights' own."""
        return

    def after_step(self, rate: float) -> None:
        """What else a step does, once the weights have moved."""
        return

    def state(self) -> Tensors:
        """Everything that training changes; the tensors themselves, not copies."""
        return self.tensors

    def load_state(self, state: Mapping[str, Tensor]) -> None:
        """Take over what `state` gave, perhaps in another process."""
        mine = self.state()
        for name, tensor in state.items():
            mine[name].data.copy_(tensor)

    def train(self, names: Callable[[str], bool]) -> None:
        """Let the optimiser step the tensors whose names are chosen, and no others."""
        for name, tensor in self.tensors.items():
            tensor.requires_grad_(names(name))

    def take(self, tensors: Mapping[str, Tensor]) -> None:
        """Put tensors on the device under their names; they are copies, and may be trained."""
        for name, tensor in tensors.items():
            self.tensors[name] = tensor.detach().to(self.device, copy=True)
