"""Which image serves which purpose: training, deciding, or the final test."""

from collections.abc import Sequence

import numpy as np

from lifelong.plan.errors import DataError

SPLITS = ("train", "validation", "test")
TRAIN, VALIDATION, TEST = range(3)


def stratified(
    labels: np.ndarray, share: float, seed: int, names: Sequence[str] | None = None
) -> np.ndarray:
    """A bool mask (N,) that holds `share` of every class, to the nearest image.

    Every class gives at least one image and keeps at least one, which scikit-learn's splitters do
    not promise. A class of one image or a share outside (0, 1) is a DataError; `names` are for it.
    """
    if not 0 < share < 1:
        raise DataError(f"a share of {share} cannot be cut: choose one between 0 and 1")
    random = np.random.RandomState(seed)  # the legacy stream never changes between numpy versions
    mask = np.zeros(len(labels), dtype=bool)
    for label in np.unique(labels):
        rows = np.flatnonzero(labels == label)
        if len(rows) < 2:
            name = names[label] if names else label
            raise DataError(f"class {name} has one image and cannot be split: add another")
        count = min(max(round(len(rows) * share), 1), len(rows) - 1)
        mask[random.permutation(rows)[:count]] = True
    return mask


def assign(
    labels: np.ndarray, tested: np.ndarray, share: float, seed: int, names: Sequence[str]
) -> np.ndarray:
    """The split (N,) uint8 of every image: TEST where `tested`, `share` of the rest VALIDATION.

    A share of 0 leaves no validation images, which only `protocol: paper` can use.
    """
    split = np.where(tested, TEST, TRAIN).astype(np.uint8)
    if share > 0:
        rest = np.flatnonzero(~tested)
        split[rest[stratified(labels[rest], share, seed, names)]] = VALIDATION
    return split
