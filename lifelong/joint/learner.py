"""A lesson being learned: its network, and all that training changes of it."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from lifelong.joint.network import LessonNetwork
from lifelong.joint.part import TRUNK, Lesson
from lifelong.plan.card import Card


class LessonLearner:
    """The network of a lesson; `before` is the lesson whose trunk it goes on with, if any."""

    def __init__(
        self, cards: Sequence[Card], seeds: Sequence[int], device: str, before: Lesson | None
    ) -> None:
        self.cards = tuple(cards)
        self.network = LessonNetwork(cards, seeds, device)
        if before is not None:
            old = before.tensors
            trunk = {name: torch.from_numpy(old[name]) for name in old if name.startswith(TRUNK)}
            self.load_state(self.network.tensors() | trunk)

    def state(self) -> dict[str, Tensor]:
        """All that changes while learning, by name; the tensors themselves, not copies."""
        return self.network.tensors()

    @torch.no_grad()
    def load_state(self, saved: dict[str, Tensor]) -> None:
        """Put back what `state` gave."""
        for name, tensor in self.network.tensors().items():
            tensor.copy_(saved[name])

    def lesson(self) -> Lesson:
        """What the lesson brings, as it is now."""
        return Lesson(self.cards, {name: _array(t) for name, t in self.network.tensors().items()})


def _array(tensor: Tensor) -> np.ndarray:
    return tensor.detach().cpu().contiguous().numpy().copy()
