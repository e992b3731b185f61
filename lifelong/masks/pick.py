"""Which weights of older tasks a task picks: those whose real-valued score is above a threshold.

As in Piggyback (Mallya et al., ECCV 2018) and CPG (Hung et al., NeurIPS 2019). This is the only
place that turns scores into picks. It is handed the scores of a whole layer, with one exception:
on CPUs the update (`train/update.py`) cuts large layers into pieces, which gives the same picks
because a threshold looks at each score alone. A rule that compares the scores of a layer needs
whole layers there too (`Update.entries`).
"""

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
