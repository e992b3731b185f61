"""The protocol of pairs on numbers worked by hand, and against plain loops."""

from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lifelong.faces.pairs import (
    CONVENTIONS,
    Pairs,
    best_threshold,
    far_threshold,
    verify,
    with_mirror,
)
from lifelong.plan.errors import DataError
from lifelong.work import face_packs


def at(*degrees):
    """Unit vectors in the plane."""
    turns = np.radians(degrees)
    return np.stack([np.cos(turns), np.sin(turns)], axis=1)


def pairs_at(gaps, same, fold):
    """Embeddings and pairs of which each encloses one of the angles in degrees."""
    gaps = np.asarray(gaps, dtype=float)
    embeddings = np.concatenate([at(*np.zeros(len(gaps))), at(*gaps)])
    rows = np.arange(len(gaps))
    return embeddings, Pairs(rows, rows + len(gaps), np.array(same, bool), np.array(fold))


@pytest.mark.parametrize(
    ("name", "distances"),
    [
        ("facelivenet", [0, 2 - np.sqrt(2), 2, 4]),
        ("pae", [0, 0.25, 0.5, 1]),
        ("cpg", [0, 1, 2, 2]),
    ],
)
def test_each_papers_distance_at_0_45_90_and_180_degrees(name, distances):
    found = CONVENTIONS[name].distance(at(0, 0, 0, 0) * 7, at(0, 45, 90, 180) * 3)
    assert found == pytest.approx(distances, abs=1e-7)


def test_only_pae_mirrors_and_takes_off_the_mean():
    assert [n for n, way in CONVENTIONS.items() if way.mirrored or way.centred] == ["pae"]
    assert CONVENTIONS["pae"].mirrored and CONVENTIONS["pae"].centred


def test_rounding_beyond_one_gives_no_nan():
    vector = np.full((1, 3), 0.1)
    for way in CONVENTIONS.values():
        assert way.distance(vector, vector) == pytest.approx(0, abs=1e-7)
        assert np.isfinite(way.distance(vector, -vector)).all()


def test_halves_with_their_mirrors_are_unit():
    joined = with_mirror(at(0) * 5, at(90) * 2)
    assert joined == pytest.approx(np.array([[1, 0, 0, 1]]))


def test_the_best_threshold_worked_by_hand():
    distances = np.array([0.1, 0.3, 0.2, 0.4])
    same = np.array([True, True, False, False])
    # below 0.2: one right, none wrong; below 0.4: two right, one wrong; the lower counts.
    assert best_threshold(distances, same) == 0.2
    # The grid's lowest that takes 0.1 and not 0.2; its 0.11 is not quite 11 / 100.
    assert best_threshold(distances, same, "legacy") == pytest.approx(0.11)


def test_a_pair_at_the_threshold_is_not_the_same():
    """Both at 0.5: to call either the same costs the other, so the lowest threshold, none, wins."""
    assert best_threshold(np.array([0.5, 0.5]), np.array([True, False])) == 0.5
    assert best_threshold(np.array([0.5, 0.5]), np.array([True, False]), "legacy") == 0


def test_all_pairs_can_be_called_the_same():
    assert best_threshold(np.array([0.2, 0.7]), np.array([True, True])) > 0.7


@given(st.lists(st.tuples(st.integers(0, 12), st.booleans()), min_size=1, max_size=30))
def test_no_threshold_does_better_than_the_best(pairs):
    distances = np.array([gap / 10 for gap, _ in pairs])
    same = np.array([same for _, same in pairs])
    tried = [*distances, 99.0]
    right = [((distances < one) == same).mean() for one in tried]
    best = best_threshold(distances, same)
    assert ((distances < best) == same).mean() == max(right)
    assert best <= min(one for one, share in zip(tried, right, strict=True) if share == max(right))


@pytest.mark.parametrize(
    ("target", "threshold"), [(0, 0.1), (0.19, 0.1), (0.2, 0.2), (0.4, 0.3), (0.99, 0.5)]
)
def test_the_largest_threshold_within_a_false_accept_rate(target, threshold):
    different = np.array([0.5, 0.2, 0.1, 0.4, 0.3])
    found = far_threshold(different, target)
    assert found == threshold
    assert (different < found).mean() <= target
    assert (different < np.nextafter(found, 1)).mean() > target


def test_false_accepts_of_equal_distances_and_of_all():
    assert far_threshold(np.array([0.2, 0.2, 0.3]), 0.4) == 0.2  # taking one would take both
    assert far_threshold(np.array([0.2, 0.3]), 1) > 0.3
    assert far_threshold(np.arange(100) / 100, 0.29) == 0.29


# Two folds of four pairs, angles in degrees. Fold 0 is separable between 30 and 60; in fold 1 a
# different pair at 40 lies below a same pair at 50.
GAPS = [10, 30, 60, 80, 20, 50, 40, 70]
SAME = [1, 1, 0, 0, 1, 1, 0, 0]
FOLD = [0, 0, 0, 0, 1, 1, 1, 1]


def test_two_folds_worked_by_hand():
    result = verify(*pairs_at(GAPS, SAME, FOLD), "cpg", far_target=0.0)
    # Fold 1 says 40 degrees, the lowest with 3 of 4 right; in fold 0 all four are right then.
    # Fold 0 says 60 degrees; in fold 1 the different pair at 40 is called the same: 3 of 4.
    assert result.thresholds == pytest.approx((40 / 45, 60 / 45))
    assert result.fold_accuracies == (1.0, 0.75)
    assert result.accuracy == 0.875
    assert result.std_population == pytest.approx(0.125)
    assert result.standard_error == pytest.approx(0.125)  # 0.1768 / sqrt(2)
    # No false accept on the other fold: below 40 in fold 0 both same pairs and no other; below 60
    # in fold 1 both, and one of two different ones.
    assert result.tar == 1.0
    assert result.far == 0.25
    # Of 16 combinations of a same and a different pair only (50, 40) is in the wrong order.
    assert result.auc == pytest.approx(15 / 16)
    # 10 20 30 | 40 d 50 | ...: with three same and one different accepted both rates are a quarter.
    assert result.equal_error_rate == pytest.approx(0.25)


def test_the_two_spreads_of_three_folds():
    gaps = [10, 80, 10, 80, 80, 10]
    result = verify(*pairs_at(gaps, [1, 0] * 3, [0, 0, 1, 1, 2, 2]), "cpg")
    # Fold 2 is the reverse of the others, so all is wrong there; with it among the known pairs no
    # threshold does better than the lowest, which calls none the same.
    assert result.fold_accuracies == (0.5, 0.5, 0.0)
    assert result.std_population == pytest.approx(np.sqrt(1 / 18))
    assert result.standard_error == pytest.approx(1 / 6)  # sqrt(1 / 12) / sqrt(3)


def test_the_equal_error_rate_between_two_points():
    """Same at 10 and 60, different at 30, 40, 50.

    Accepting 10 rejects half of the same wrongly; accepting 30 and 40 too brings the wrongly
    accepted to 1/3, 2/3: the curve crosses where half of each is wrong.
    """
    gaps, same = [10, 60, 30, 40, 50] * 2, [1, 1, 0, 0, 0] * 2
    result = verify(*pairs_at(gaps, same, [0] * 5 + [1] * 5), "cpg")
    assert result.equal_error_rate == pytest.approx(0.5)
    assert result.auc == pytest.approx(0.5)


def test_perfect_and_inverted_embeddings():
    gaps, fold = [10, 20, 70, 80] * 2, [0] * 4 + [1] * 4
    good = verify(*pairs_at(gaps, [1, 1, 0, 0] * 2, fold), "facelivenet")
    assert (good.accuracy, good.auc, good.equal_error_rate, good.tar) == (1, 1, 0, 1)
    bad = verify(*pairs_at(gaps, [0, 0, 1, 1] * 2, fold), "facelivenet")
    assert (bad.auc, bad.equal_error_rate, bad.tar) == (0, 1, 0)


def test_folds_need_neither_order_nor_equal_size():
    """Pairs in another order, some missing: what counts is the fold a pair carries."""
    embeddings, pairs = pairs_at(GAPS, SAME, FOLD)
    order = np.array([6, 0, 4, 2, 5, 1, 3])
    some = Pairs(*(getattr(pairs, name)[order] for name in ("first", "second", "same", "fold")))
    result = verify(embeddings, some, "cpg")
    assert result.fold_accuracies == pytest.approx((1.0, 2 / 3))


def test_the_mean_of_the_other_folds_is_taken_off():
    """Against a plain loop over folds, thresholds and pairs."""
    random = np.random.default_rng(0)
    embeddings = with_mirror(*random.normal(1, 1, (2, 40, 6)))
    pairs = Pairs(*random.integers(0, 40, (2, 60)), np.arange(60) % 2 == 0, np.arange(60) // 12)
    accuracies = []
    for fold in range(5):
        known = [row for row in range(60) if pairs.fold[row] != fold]
        rows = [row for one in known for row in (pairs.first[one], pairs.second[one])]
        mean = embeddings[rows].mean(axis=0)
        distances = []
        for one, other in zip(pairs.first, pairs.second, strict=True):
            a, b = embeddings[one] - mean, embeddings[other] - mean
            cosine = min(max(a @ b / np.sqrt((a @ a) * (b @ b)), -1), 1)
            distances.append(np.arccos(cosine) / np.pi)
        right = [
            sum((distances[row] < step * 0.01) == pairs.same[row] for row in known)
            for step in range(400)
        ]
        best = right.index(max(right)) * 0.01
        tested = [row for row in range(60) if pairs.fold[row] == fold]
        accuracies.append(np.mean([(distances[r] < best) == pairs.same[r] for r in tested]))
    assert verify(embeddings, pairs, "pae", "legacy").fold_accuracies == pytest.approx(accuracies)


@pytest.mark.parametrize("bad", [np.nan, np.inf, 0.0])
def test_a_damaged_embedding_is_named(bad):
    embeddings, pairs = pairs_at(GAPS, SAME, FOLD)
    embeddings[11] = bad
    with pytest.raises(
        DataError, match="1 embeddings are zero or not finite, the first of image 11"
    ):
        verify(embeddings, pairs, "cpg")


def test_an_unused_embedding_may_be_anything():
    embeddings, pairs = pairs_at(GAPS, SAME, FOLD)
    assert verify(np.append(embeddings, [[np.nan] * 2], axis=0), pairs, "cpg").accuracy == 0.875


def test_what_cannot_be_judged_is_refused():
    embeddings, pairs = pairs_at(GAPS, SAME, FOLD)
    with pytest.raises(DataError, match="two folds or more, not 1"):
        verify(embeddings, Pairs(pairs.first, pairs.second, pairs.same, pairs.fold * 0), "cpg")
    with pytest.raises(DataError, match="fold 1 needs pairs"):
        verify(*pairs_at(GAPS, [1, 1, 0, 0, 1, 1, 1, 1], FOLD), "cpg")
    with pytest.raises(DataError, match="distance euclid is none of"):
        verify(embeddings, pairs, "euclid")
    with pytest.raises(DataError, match="grid fine is none of"):
        verify(embeddings, pairs, "cpg", "fine")


def test_pairs_of_one_fold_are_refused_before_anything_learns():
    pairs = pairs_at(GAPS, SAME, FOLD)[1]
    one = Pairs(pairs.first, pairs.second, pairs.same, pairs.fold * 0)
    samples = range(int(pairs.second.max()) + 1)
    with pytest.raises(DataError, match="two folds or more, not 1: take a file of several"):
        face_packs._pairs(SimpleNamespace(pairs=one, samples=samples), np.arange(len(samples)))
