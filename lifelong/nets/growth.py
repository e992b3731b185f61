"""Width: how many channels a layer has, and how a small tensor sits inside a larger one."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

# Of one layer: sizes of the runs of its outputs, and of its inputs, that widen each for itself.
# What is concatenated moves when the part before it widens; without that there is one run.
Runs = tuple[tuple[int, ...], tuple[int, ...]]


def scaled(channels: int, factor: float, width: float) -> int:
    """Channels of a layer: floor(channels * factor * sqrt(width)), at least 1.

    The number of weights grows about linearly in `width` (CPG: the multiplier 1.5 of the paper).
    """
    return max(1, math.floor(channels * factor * math.sqrt(width) + 1e-6))


class Growth:
    """Where the channels of a narrow network lie in a wide one: at the top left of each run."""

    def __init__(
        self, narrow: Mapping[str, Runs] | None = None, wide: Mapping[str, Runs] | None = None
    ) -> None:
        self.narrow, self.wide = narrow or {}, wide or {}

    def block(self, layer: str, shape: Sequence[int]) -> tuple[Any, ...]:
        """What indexes, in the wide tensor of a layer, the narrow one of this shape.

        The first dimension of a tensor is the layer's outputs, the second its inputs.
        """
        narrow, wide = self.narrow.get(layer), self.wide.get(layer)
        if narrow is None or wide is None or narrow == wide:
            return tuple(slice(size) for size in shape)
        ends = [_places(*pair) for pair in zip(narrow, wide, strict=True)][: len(shape)]
        return np.ix_(*ends, *(np.arange(size) for size in shape[len(ends) :]))


TOP_LEFT = Growth()


@torch.no_grad()
def copy_into(target: Tensor, source: Tensor, block: tuple[Any, ...]) -> None:
    """Copy `source` where `block` says in `target`; both have the same number of dimensions."""
    if all(isinstance(one, slice) for one in block):
        target[block].copy_(source)
    else:
        target[tuple(map(torch.from_numpy, block))] = source.to(target.device)


def _places(narrow: tuple[int, ...], wide: tuple[int, ...]) -> np.ndarray:
    starts = np.cumsum((0, *wide[:-1]))
    return np.concatenate(
        [start + np.arange(size) for start, size in zip(starts, narrow, strict=True)]
    )
