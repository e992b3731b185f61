"""Which image serves which purpose: training, deciding, or the final test."""

import logging
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from lifelong.plan.errors import DataError
from lifelong.plan.seeds import seed_of

SPLITS = ("train", "validation", "test")
TRAIN, VALIDATION, TEST = range(3)
UNUSED = len(SPLITS)


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


def tenths(labels: np.ndarray, seed: int, names: Sequence[str]) -> np.ndarray:
    """The split (N,) uint8: of every class 0.6, 0.1 and 0.3, each rounded down, the rest UNUSED.

    This is how LASEM (ICML 2021) cuts Office-Home. A class of fewer than ten images is a DataError.
    """
    random = np.random.RandomState(seed)
    split = np.full(len(labels), UNUSED, dtype=np.uint8)
    for label, name in enumerate(names):
        rows = np.flatnonzero(labels == label)
        if len(rows) < 10:
            raise DataError(f"class {name} has {len(rows)} images and needs ten: add some")
        rows, start = random.permutation(rows), 0
        for which, share in ((TRAIN, 6), (VALIDATION, 1), (TEST, 3)):
            count = len(rows) * share // 10
            split[rows[start : start + count]] = which
            start += count
    return split


def drawn(
    labels: np.ndarray,
    split: np.ndarray,
    counts: Mapping[str, int],
    seed: int,
    names: Sequence[str],
) -> np.ndarray:
    """A bool mask (N,): so many images per class of each split in `counts`, all of the others.

    Which ones depends on the seed and the class's name alone, and a smaller draw is part of a
    larger one. Raises DataError where a class has fewer.
    """
    mask = ~np.isin(split, [SPLITS.index(name) for name in counts])
    for label, class_name in enumerate(names):
        for name, count in counts.items():
            rows = np.flatnonzero((labels == label) & (split == SPLITS.index(name)))
            if len(rows) < count:
                raise DataError(
                    f"class {class_name} has {len(rows)} {name} images and draw asks for {count}: "
                    "draw fewer, or set the validation share of the data set"
                )
            random = random_of(seed_of(seed, class_name, name))
            mask[random.permutation(rows)[:count]] = True
    return mask


def shuffled(split: np.ndarray, count: int, seed: int) -> np.ndarray:
    """The split (N,) with `count` of all images but the test's, in any class, as VALIDATION.

    They are the first of one shuffle, by numpy's legacy stream, as in the programs of GPM and WSN,
    which shuffle images as they lie in their files; here they are sorted by class before.
    Raises DataError where there are no more images than these.
    """
    learned = np.flatnonzero((split == TRAIN) | (split == VALIDATION))
    if count >= len(learned):
        raise DataError(
            f"a task has {len(learned)} images and draw.shuffled_validation asks for {count}: "
            "lower it"
        )
    order = np.arange(len(learned))
    np.random.RandomState(seed).shuffle(order)
    cut = split.copy()
    cut[learned] = TRAIN
    cut[learned[order[:count]]] = VALIDATION
    return cut


def random_of(seed: int) -> np.random.RandomState:
    """A generator of a 63-bit seed, of numpy's legacy stream."""
    return np.random.RandomState([seed >> 32, seed & 0xFFFFFFFF])


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


def completed(
    labels: np.ndarray,
    given: np.ndarray,
    shares: Mapping[str, Any],
    names: Sequence[str],
    log: logging.Logger,
) -> np.ndarray:
    """The split (N,) of classes that may lack test or validation images: shares of each are cut.

    `shares` are "test" of a class's images, "validation" of what is left to train on, and the
    "seed" of both cuts. Raises DataError for a class of too few images.
    """
    split = given.copy()
    for name, which in (("test", TEST), ("validation", VALIDATION)):
        lacking = [k for k in range(len(names)) if not (given[labels == k] == which).any()]
        rest = np.flatnonzero((split == TRAIN) & np.isin(labels, lacking))
        if len(rest) and shares[name] > 0:
            cut = stratified(labels[rest], shares[name], shares["seed"], names)
            split[rest[cut]] = which
            if name == "test":
                log.info(
                    "no test folder for %d classes: cut %g of them", len(lacking), shares[name]
                )
    return split
