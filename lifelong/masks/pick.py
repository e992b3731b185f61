"""Which weights a task picks by their scores: above a threshold, or the largest.

Above a threshold: old weights, as in Piggyback (Mallya et al., ECCV 2018) and CPG (Hung et al.,
NeurIPS 2019). The largest, of a layer or of the network: old weights and free ones together, as in
SupSup (Wortsman et al., NeurIPS 2020) and WSN (Kang et al., ICML 2022). Thresholds and cut-offs
come from here alone. A threshold looks at each score alone, so that the update (`train/update.py`)
may cut large layers into pieces; the largest are found among all.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

THRESHOLD = 5e-3  # compared as float32: a score that equals float32(5e-3) is not picked
SCORE_START = 1e-2  # above the threshold: every old weight is picked at first


def picked(scores: Tensor, out: Tensor | None = None) -> Tensor:
    """Where old weights are picked, in the shape of the float32 `scores`.

    Returns bool; or `out`, float32 and possibly reused memory, filled with 0 and 1.
    """
    if out is None:
        return scores > THRESHOLD
    return torch.gt(scores, THRESHOLD, out=out)


def rank_of(density: float, entries: int) -> int:
    """The rank of the smallest |score| that is picked, counted from 1 upwards.

    1 + (1 - density) (entries - 1), rounded to the nearest, halves to even.
    """
    return 1 + round((1 - density) * (entries - 1))


@dataclass
class Cutoff:
    """Finds the k-th smallest number of a layer over and over, while they move little.

    The k-th is looked for near where it was last; only where it has left that band are all numbers
    partitioned. Either way it is the exact one.
    """

    last: float | None = None
    reach: float = 0.0  # half the width of the band

    def find(self, sizes: Tensor, rank: int) -> float | Tensor:
        """The `rank`-th smallest, from 1, of the flat `sizes`; on GPUs it stays there."""
        if sizes.device.type != "cpu":
            return sizes.kthvalue(rank).values
        values = sizes.numpy()
        cutoff = self._near(values, rank)
        if cutoff is None:
            cutoff = float(np.partition(values, rank - 1)[rank - 1])
        moved = abs(cutoff - self.last) if self.last is not None else abs(cutoff) / 50
        self.last, self.reach = cutoff, max(4 * moved, abs(cutoff) / 500, self.reach / 2)
        return cutoff

    def _near(self, values: np.ndarray, rank: int) -> float | None:
        if self.last is None:
            return None
        low, high = (np.float32(self.last + side * self.reach) for side in (-1, 1))
        above = values >= low
        below = values.size - int(np.count_nonzero(above))
        above &= values <= high
        band = values[above]
        place = rank - 1 - below
        if not 0 <= place < band.size:
            return None
        return float(np.partition(band, place)[place])
