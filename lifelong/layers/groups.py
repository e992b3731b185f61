"""Tasks whose additions to a layer are alike have what they have in common once for all of them."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

ALONE = -1  # the group of a task that is like no other


def grouped(
    extras: Sequence[Tensor], clusters: int, gap: float, seed: int
) -> tuple[list[int], list[Tensor], list[Tensor]]:
    """Groups of tasks by their additions to one layer: k-means, then what is alike moves.

    Elements that differ by at most `gap` within a group become the middle of their range. Returns
    each task's group, what each group has in common, and what is left of each addition.
    """
    labels = _alike(torch.stack([extra.flatten() for extra in extras]).numpy(), clusters, seed)
    common, left = [], list(extras)
    for group in range(max(labels) + 1):
        members = [place for place, label in enumerate(labels) if label == group]
        values = torch.stack([extras[place] for place in members])
        high, low = values.amax(0), values.amin(0)
        near = high - low <= gap
        common.append(torch.where(near, (high + low) / 2, 0.0))
        for place in members:
            left[place] = torch.where(near, 0.0, extras[place])
    return labels, common, left


def _alike(rows: np.ndarray, clusters: int, seed: int) -> list[int]:
    """A label a row, counted from 0 as groups of several appear; ALONE for other rows."""
    from sklearn.cluster import KMeans

    most = min(clusters, len(np.unique(rows, axis=0)))
    found = KMeans(most, n_init=10, random_state=seed % 2**32).fit_predict(rows).tolist()
    several = [label for label in dict.fromkeys(found) if found.count(label) > 1]
    return [several.index(label) if label in several else ALONE for label in found]
