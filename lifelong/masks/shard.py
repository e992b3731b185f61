"""What one task brings to the model: while it is worked on, and once it is part of the model.

A `Shard` speaks of the entries that are free of older owners, in the order of the flattened
tensor at the task's width: `owned` says which of them the task keeps, `values` holds those,
`picks` which entries of older tasks it uses (None: all); `dense` its norms, biases and head.
A `Part` says where in the whole layer its weights lie, so that a model of many tasks is put
together without asking what was free before each.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from lifelong.masks.places import Places

Arrays = dict[str, np.ndarray]
PREALIGNED = "prealigned"  # faces that somebody else cut out, nobody knows how
UNKNOWN = "unknown"  # of a shard from before shards said how its images were framed


@dataclass(frozen=True)
class Card:
    """Everything about a task that is not a weight; enough to rebuild its network and use it."""

    experiment: str
    method: str
    seed: int
    position: int
    task: str
    classes: tuple[str, ...]
    network: str
    channels: float
    width: float
    in_channels: int
    image_size: int
    mean: tuple[float, ...]
    std: tuple[float, ...]
    lineage: tuple[str, ...]  # digests of the shards before it, oldest first
    alone: bool = False  # a separate network: it shares nothing with other tasks
    head: str = "linear"  # or "angular": its loss has a margin between directions
    crop: int = 0  # pixels it sees: of its images the centre, random squares while it learned
    alignment: str = ""  # how faces were framed: a preset, PREALIGNED, or "" where there are none
    channel_order: tuple[int, ...] = ()  # of a picture's channels, as the network sees them
    noise: dict[str, Any] | None = None  # put on every picture: mean, std and seed


@dataclass(frozen=True)
class Shard:
    """A task being worked on."""

    card: Card
    shapes: dict[str, tuple[int, ...]]  # of the layers, at the task's width
    values: Arrays  # float32 (owned,)
    owned: Arrays  # bool (capacity,)
    picks: Arrays | None  # bool (older,)
    dense: Arrays  # float32
    scores: Arrays | None = None  # float32 (older,), only in working files


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

    def picked(self, name: str) -> np.ndarray | None:
        """Which entries of older tasks it uses in one layer, bool (older,); None: all."""
        if self.picks is None:
            if self.older[name]:
                raise ValueError(f"task {self.card.task} was read without its picks")
            return None
        names = list(self.older)
        start = sum(self.older[before] for before in names[: names.index(name)])
        first, stop = start // 8, (start + self.older[name] + 7) // 8
        bits = np.unpackbits(self.picks[first:stop]).view(bool)
        return bits[start % 8 :][: self.older[name]]

    def placed(self) -> "Part":
        """What is left to keep of it once its weights lie in the model's."""
        return replace(self, values={}, places={})
