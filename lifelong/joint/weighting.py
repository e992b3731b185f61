"""How the losses of a lesson's tasks become the gradients of one step: the interface of methods."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor


@dataclass(frozen=True)
class Start:
    """What a method is told of a lesson before it is learned.

    `features`: how many numbers the trunk makes of an image. `options`: its own keys of the
    configuration. All that is random comes from `seed`. `optimiser` makes what steps the tensors
    of `apart`, where the recipe has more to say of that than a rate.
    """

    tasks: tuple[str, ...]
    classes: tuple[int, ...]
    features: int
    options: Mapping[str, Any]
    seed: int = 0
    device: str = "cpu"
    optimiser: Callable[[Sequence[Tensor]], Any] | None = None


@dataclass(frozen=True)
class Forward:
    """One forward pass: the tasks' mean losses (T,), and what the trunk made of all images.

    `trunk` and `heads` are the parameters that the losses depend on.
    """

    losses: Tensor
    features: Tensor
    trunk: Sequence[Tensor]
    heads: Sequence[Tensor]

    @property
    def last(self) -> Tensor:
        """The weights of the last shared layer."""
        return [one for one in self.trunk if one.ndim > 1][-1]


class Weighting:
    """A method's part of a step. One that learns weights says which of its tensors those are.

    All weigh T tasks so that equal weights are 1 / T each: the same rate means the same steps.
    """

    def __init__(self, start: Start) -> None:
        self.start = start
        self.count = len(start.tasks)
        self.with_network: list[Tensor] = []  # stepped by the network's optimiser, at its rate
        self.apart: list[Tensor] = []  # stepped by `step`

    def backward(self, one: Forward) -> Tensor:
        """Leave gradients in all parameters; gives the weights (T,) of this step."""
        raise NotImplementedError

    def step(self) -> None:
        """Step the tensors of `apart` by their gradients."""

    def end_epoch(self, losses: Tensor) -> None:
        """Learn what the tasks' losses were over an epoch, (T,)."""

    def state(self) -> dict[str, Tensor]:
        """All that changes, by name; the tensors themselves, not copies."""
        mine = [*self.with_network, *self.apart]
        return {f"own/{place}": tensor.detach() for place, tensor in enumerate(mine)}

    def equal(self) -> Tensor:
        """The weights that treat all tasks alike."""
        return torch.full((self.count,), 1 / self.count, device=self.start.device)
