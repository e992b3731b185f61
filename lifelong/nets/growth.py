"""Width: how many channels a layer has, and how a small tensor sits inside a larger one."""

import math

import torch
from torch import Tensor


def scaled(channels: int, factor: float, width: float) -> int:
    """Channels of a layer: floor(channels * factor * sqrt(width)), at least 1.

    The number of weights grows about linearly in `width` (CPG: the multiplier 1.5 of the paper).
    """
    return max(1, math.floor(channels * factor * math.sqrt(width) + 1e-6))


@torch.no_grad()
def copy_top_left(target: Tensor, source: Tensor) -> None:
    """Copy `source` into the leading block of `target`; both have the same number of dimensions."""
    target[tuple(slice(size) for size in source.shape)].copy_(source)
