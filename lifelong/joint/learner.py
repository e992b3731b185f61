"""A lesson being learned: its network, and all that training changes of it."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from lifelong.joint.network import LessonNetwork
from lifelong.joint.part import TRUNK, Lesson, head_prefix
from lifelong.plan.card import Card

BLOCKS = "blocks."  # what the names of a branch's own layers begin with


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
        self.before = before

    def copy_branches(self) -> None:
        """Let all branches begin as the first one of the lesson before, or of this one.

        Only their blocks: what makes classes of them starts afresh.
        """
        tensors = self.before.tensors if self.before is not None else self.lesson().tensors
        source, blocks = f"{head_prefix(0)}{BLOCKS}", dict[str, Tensor]()
        for name in tensors:
            if name.startswith(source):
                found = torch.from_numpy(tensors[name])
                for place in range(len(self.cards)):
                    blocks[f"{head_prefix(place)}{BLOCKS}{name.removeprefix(source)}"] = found
        self.load_state(self.network.tensors() | blocks)

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
