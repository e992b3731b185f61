"""Same person or not: the ten-fold protocol of Labeled Faces in the Wild (Huang et al., 2007).

In every fold the threshold is the one that does best on the other folds. FaceLiveNet, PAE and CPG
measure distance differently, and so differ in the last digits: CONVENTIONS names their ways.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from lifelong.plan.errors import DataError

GRIDS = ("exact", "legacy")


@dataclass(frozen=True)
class Pairs:
    """Pairs of images as rows of a list: first and second int64 (P,), same bool (P,), fold (P,).

    A pair keeps the fold its file gave it, also where other pairs were left out. Where somebody is
    to show an expression too, `required` int64 (P,) is its label, and `shown` bool (P,) whether the
    first image does.
    """

    first: np.ndarray
    second: np.ndarray
    same: np.ndarray
    fold: np.ndarray
    required: np.ndarray | None = None
    shown: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.first)


@dataclass(frozen=True)
class Convention:
    """How a paper measures: distances (P,) of embeddings (P, D), the same people the nearer ones.

    `mirrored`: an image's embedding is followed by its mirror image's, as `with_mirror` joins them;
    `centred`: the mean over the pairs of the other folds is taken off first.
    """

    distance: Callable[[np.ndarray, np.ndarray], np.ndarray]
    mirrored: bool = False
    centred: bool = False


@dataclass(frozen=True)
class Verification:
    """What the folds gave; accuracies, rates and areas in [0, 1].

    `std_population` is the spread that FaceNet, PAE and CPG print; `standard_error`, the sample
    spread over the root of the number of folds, is what the LFW authors ask for. `tar` is the mean
    share of same pairs accepted at a threshold that accepts at most `far_target` of the different
    pairs of the other folds, and `far` the share it accepted where it was tested. `called_same`
    bool (P,) is what was said of each pair where it was tested.
    """

    accuracy: float
    std_population: float
    standard_error: float
    auc: float
    equal_error_rate: float
    tar: float
    far: float
    far_target: float
    called_same: np.ndarray
    fold_accuracies: tuple[float, ...]
    thresholds: tuple[float, ...]


def verify(
    embeddings: np.ndarray,
    pairs: Pairs,
    convention: str,
    grid: str = "exact",
    far_target: float = 1e-3,
) -> Verification:
    """The protocol on embeddings (N, D) of any scale, N the images that the pairs count.

    `grid` says which thresholds are tried: every distance that occurs, or 0, 0.01, ... 3.99 as the
    papers did. A pair is called the same where its distance is below the threshold; of thresholds
    that do equally well the lowest counts. Raises DataError where an embedding is zero or not
    finite, or a fold cannot be judged.
    """
    _check(embeddings, pairs, convention, grid)
    way, folds = CONVENTIONS[convention], np.unique(pairs.fold)
    held_out, called = np.empty(len(pairs)), np.empty(len(pairs), dtype=bool)
    accuracies, thresholds, rates = [], [], []
    for fold in folds:
        tested = pairs.fold == fold
        distances = _distances(embeddings, pairs, way, ~tested)
        held_out[tested] = distances[tested]
        known, same = distances[~tested], pairs.same[~tested]
        thresholds.append(best_threshold(known, same, grid))
        accuracies.append(_accuracy(distances[tested], pairs.same[tested], thresholds[-1]))
        called[tested] = distances[tested] < thresholds[-1]
        strict = far_threshold(known[~same], far_target)
        rates.append(_accepted(distances[tested], pairs.same[tested], strict))
    auc, equal = _curve(held_out, pairs.same)
    tar, far = np.mean(rates, axis=0)
    return Verification(
        accuracy=float(np.mean(accuracies)),
        std_population=float(np.std(accuracies)),
        standard_error=float(np.std(accuracies, ddof=1) / np.sqrt(len(folds))),
        auc=auc,
        equal_error_rate=equal,
        tar=float(tar),
        far=float(far),
        far_target=far_target,
        called_same=called,
        fold_accuracies=tuple(accuracies),
        thresholds=tuple(thresholds),
    )


def with_mirror(embeddings: np.ndarray, mirrored: np.ndarray) -> np.ndarray:
    """Embeddings (N, D) of images and of their mirror images as (N, 2D), each of length 1."""
    return np.concatenate([_unit(embeddings), _unit(mirrored)], axis=1)


def best_threshold(distances: np.ndarray, same: np.ndarray, grid: str = "exact") -> float:
    """The lowest threshold of those that call most pairs right; distances and same (P,)."""
    tried = np.arange(0, 4, 0.01)
    if grid == "exact":
        tried = np.unique(distances)
        tried = np.append(tried, np.nextafter(tried[-1], np.inf))  # calls all the same
    right = np.searchsorted(np.sort(distances[same]), tried, side="left")
    wrong = np.searchsorted(np.sort(distances[~same]), tried, side="left")
    return float(tried[np.argmax(right - wrong)])


def far_threshold(different: np.ndarray, far_target: float) -> float:
    """The largest threshold that accepts at most `far_target` of different pairs' distances (P,).

    Where it may accept all of them it is the least that does.
    """
    may = int(np.floor(far_target * len(different) + 1e-9))  # 0.29 x 100 is 28.999... in floats
    ordered = np.sort(different)
    if may >= len(ordered):
        return float(np.nextafter(ordered[-1], np.inf))
    return float(ordered[may])


def _squared(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Squared distance of unit vectors, from 0 to 4."""
    return ((_unit(first) - _unit(second)) ** 2).sum(axis=1)


def _angle(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """The angle as a share of a half turn, from 0 to 1."""
    return np.arccos(np.clip(_cosine(first, second), -1, 1)) / np.pi


def _folded_angle(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """The angle in eighths of a turn, from 0 to 2: all beyond a right angle counts as one."""
    return np.arccos(np.clip(_cosine(first, second), 0, 1)) * 4 / np.pi


CONVENTIONS = {
    "facelivenet": Convention(_squared),
    "pae": Convention(_angle, mirrored=True, centred=True),
    "cpg": Convention(_folded_angle),
}


def _cosine(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    return (_unit(first) * _unit(second)).sum(axis=1)


def _unit(vectors: np.ndarray) -> np.ndarray:
    """Rows of length 1; a row of zeros, which only taking off the mean can leave, stays."""
    vectors = np.asarray(vectors, dtype=np.float64)
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors / np.where(lengths > 0, lengths, 1)


def _distances(
    embeddings: np.ndarray, pairs: Pairs, way: Convention, known: np.ndarray
) -> np.ndarray:
    """Distances of all pairs (P,), as measured when only the pairs `known` (P,) may be used."""
    vectors = np.asarray(embeddings, dtype=np.float64)
    if not way.mirrored:  # halves have their lengths already
        vectors = _unit(vectors)
    first, second = vectors[pairs.first], vectors[pairs.second]
    if way.centred:
        mean = np.concatenate([first[known], second[known]]).mean(axis=0)
        first, second = first - mean, second - mean
    return way.distance(first, second)


def _accuracy(distances: np.ndarray, same: np.ndarray, threshold: float) -> float:
    return float(np.mean((distances < threshold) == same))


def _accepted(distances: np.ndarray, same: np.ndarray, threshold: float) -> tuple[float, float]:
    """The shares of same and of different pairs below a threshold."""
    below = distances < threshold
    return float(below[same].mean()), float(below[~same].mean())


def _curve(distances: np.ndarray, same: np.ndarray) -> tuple[float, float]:
    """Area under the ROC curve, and the rate where as many are accepted as rejected wrongly."""
    from sklearn.metrics import roc_auc_score, roc_curve

    accepted, right, _ = roc_curve(same, -distances, drop_intermediate=False)
    gap = (1 - right) - accepted  # falls from 1 to -1
    after = int(np.argmax(gap <= 0))
    share = gap[after - 1] / (gap[after - 1] - gap[after])
    equal = accepted[after - 1] + share * (accepted[after] - accepted[after - 1])
    return float(roc_auc_score(same, -distances)), float(equal)


def _check(embeddings: np.ndarray, pairs: Pairs, convention: str, grid: str) -> None:
    if convention not in CONVENTIONS:
        raise DataError(f"distance {convention} is none of {', '.join(CONVENTIONS)}")
    if grid not in GRIDS:
        raise DataError(f"grid {grid} is none of {', '.join(GRIDS)}")
    used = np.unique(np.concatenate([pairs.first, pairs.second]))
    bad = used[~np.isfinite(embeddings[used]).all(axis=1) | ~embeddings[used].any(axis=1)]
    if len(bad):
        raise DataError(
            f"{len(bad)} embeddings are zero or not finite, the first of image {bad[0]}: "
            "the training of the network that made them diverged, lower its learning rate"
        )
    check_folds(pairs.same, pairs.fold)


def check_folds(same: np.ndarray, fold: np.ndarray) -> None:
    """Raise DataError where the folds (P,) cannot be judged: each by the threshold of the others.

    `same` (P,) says which pairs are of one person.
    """
    folds = np.unique(fold)
    if len(folds) < 2:
        raise DataError(
            f"pairs need two folds or more, not {len(folds)}: take a file of several, such as "
            "LFW's pairs.txt"
        )
    for one in folds:
        kinds = same[fold == one].astype(bool)
        if kinds.all() or not kinds.any():
            raise DataError(f"fold {one} needs pairs of the same and of different people: add some")
