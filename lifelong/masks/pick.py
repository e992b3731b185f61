"""Which older weights a task picks: those whose real-valued score is above a threshold.

As in Piggyback (Mallya et al., ECCV 2018) and CPG. A rule sees the scores of one whole layer.
"""

import torch
from torch import Tensor

THRESHOLD = 5e-3
SCORE_START = 1e-2  # above the threshold: every old weight is picked at first


def picked(scores: Tensor, out: Tensor | None = None) -> Tensor:
    """Where old weights are picked: bool, or 0 and 1 in `out`, a tensor like the scores."""
    if out is None:
        return scores > THRESHOLD
    return torch.gt(scores, THRESHOLD, out=out)
