"""Magnitude pruning: how many weights to release at a step, and which ones."""

from torch import Tensor


def cubic(step: int, window: int, start: float, target: float) -> float:
    """The ratio due after `step` of `window` steps: target + (start - target) (1 - p)^3.

    Zhu & Gupta 2017; p = step / window, clipped to [0, 1].
    """
    progress = min(max(step / window, 0.0), 1.0)
    return target + (start - target) * (1.0 - progress) ** 3


def cut(magnitudes: Tensor, ratio: float, older: int = 0) -> float | Tensor | None:
    """The r-th smallest of a layer's own magnitudes, r = round(ratio * capacity); None for r = 0.

    Entries up to and including the cut are the ones to release. The rank is over the capacity a
    task received: its own entries and those it released already, which count with magnitude 0.
    The `older` entries of older tasks count with 0 too, and only shift the rank: selecting the
    others out of the layer would cost more than all the rest. On a GPU the cut stays on the device,
    as a tensor without dimensions.
    """
    flat = magnitudes.reshape(-1)
    rank = round(ratio * (flat.numel() - older))
    if rank == 0:
        return None
    place = older + rank - 1
    if flat.device.type != "cpu":
        return flat.sort().values[place]
    # A partition is fastest, except with many equal values: leave out the zeros.
    values = flat.numpy()
    values = values[values > 0]
    place -= flat.numel() - values.size
    if place < 0:
        return 0.0
    values.partition(place)
    return float(values[place])
