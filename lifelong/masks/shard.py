"""What one task brings to the model: while it is worked on, and once it is part of the model.

A `Shard` speaks of the entries that are free of older owners, in the order of the flattened
tensor at the task's width: `owned` says which of them the task keeps, `values` holds those,
`picks` which entries of older tasks it uses (None: all); `dense` its norms, biases and head.
A `Part` says where in the whole layer its weights lie, so that a model of many tasks can be put
together without working out what was free before each of them.
"""

from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np

from lifelong.masks.places import Places
from lifelong.plan.card import Card

Arrays = dict[str, np.ndarray]
_OUTPUT_LAYER = ("head.weight", "head.bias")  # the first dimension is that of classes


@dataclass(frozen=True)
class Shard:
    """A task being worked on."""

    card: Card
    shapes: dict[str, tuple[int, ...]]  # of the layers, at the task's width
    values: Arrays  # float32 (owned,)
    owned: Arrays  # bool (capacity,)
    picks: Arrays | None  # bool (older,)
    dense: Arrays  # float32
    centres: Arrays | None = None  # float32 (at most 256,): the only values there are in a layer
    scores: Arrays | None = None  # float32 (older,), only in working files
    # Of tasks that pick by rank, only in working files, over all entries of a layer:
    ranks: Arrays | None = None  # float32 (entries,)
    used: Arrays | None = None  # bool (entries,)


@dataclass(frozen=True)
class Part:
    """A task of the model."""

    card: Card
    shapes: dict[str, tuple[int, ...]]
    values: Arrays  # float32 (owned,)
    places: dict[str, Places]
    picks: np.ndarray | None  # uint8: the bits of all layers, one after another
    older: dict[str, int]  # how many of these bits are each layer's
    dense: Arrays
    centres: Arrays | None = None
    before: np.ndarray | None = None  # as `picks`: what the task before uses of the same entries
    flips: bool = False  # as read: the bits of `picks` say where it differs from the task before

    def picked(self, name: str) -> np.ndarray | None:
        """Which entries of older tasks it uses in one layer, bool (older,); None: all."""
        if self.picks is None:
            if self.older[name]:
                raise ValueError(f"task {self.card.task} was read without its picks")
            return None
        if self.flips:
            raise ValueError(f"the picks of task {self.card.task} need those of the task before")
        names = list(self.older)
        start = sum(self.older[before] for before in names[: names.index(name)])
        first, stop = start // 8, (start + self.older[name] + 7) // 8
        bits = np.unpackbits(self.picks[first:stop]).view(bool)
        return bits[start % 8 :][: self.older[name]]

    def placed(self) -> "Part":
        """The part without its weights and places, once the model has them."""
        return replace(self, values={}, places={}, before=None)


Task = TypeVar("Task", Shard, Part)


def without_spares(task: Task) -> Task:
    """The task as it is written: of an output layer with spare outputs only those of classes."""
    if not task.card.head_outputs:
        return task
    classes = len(task.card.classes)
    cut = {name: task.dense[name][:classes].copy() for name in _OUTPUT_LAYER if name in task.dense}
    return replace(task, card=replace(task.card, head_outputs=0), dense={**task.dense, **cut})
