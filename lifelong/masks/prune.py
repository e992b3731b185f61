"""Magnitude pruning: how many weights to release by now, and which."""

import numpy as np
import torch
from torch import Tensor


def cubic(step: int, window: int, start: float, target: float) -> float:
    """The ratio due after `step` of `window` steps: target + (start - target) (1 - p)^3.

    Zhu & Gupta 2017; p = step / window, clipped to [0, 1].
    """
    progress = min(max(step / window, 0.0), 1.0)
    return target + (start - target) * (1.0 - progress) ** 3


def cut(magnitudes: Tensor, ratio: float) -> float | None:
    """The r-th smallest of `magnitudes`, r = round(ratio * n); None where r is 0.

    Entries up to and including the cut are the ones to release. The rank is over the capacity a
    task received: its own entries and those it released already, which count with magnitude 0.
    """
    rank = round(ratio * magnitudes.numel())
    if rank == 0:
        return None
    if magnitudes.device.type == "cpu":  # a partition does less than torch's kthvalue
        return float(np.partition(magnitudes.numpy(), rank - 1)[rank - 1])
    return float(torch.kthvalue(magnitudes, rank).values)
