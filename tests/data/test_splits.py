import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lifelong.data.splits import TEST, TRAIN, VALIDATION, assign, stratified
from lifelong.plan.errors import DataError

sizes = st.lists(st.integers(2, 40), min_size=1, max_size=6)


@settings(max_examples=60, deadline=None)
@given(sizes, st.floats(0.001, 0.999), st.integers(0, 99))
def test_every_class_gives_its_share_and_keeps_one(sizes, share, seed):
    labels = np.repeat(np.arange(len(sizes)), sizes)
    np.random.RandomState(seed).shuffle(labels)
    mask = stratified(labels, share, seed)
    for label, size in enumerate(sizes):
        cut = int(mask[labels == label].sum())
        assert 1 <= cut <= size - 1
        assert abs(cut - size * share) <= 1


def test_split_is_a_function_of_the_seed():
    labels = np.repeat([0, 1], 50)
    first = stratified(labels, 0.2, 0)
    assert first.sum() == 20
    assert np.array_equal(first, stratified(labels, 0.2, 0))
    assert not np.array_equal(first, stratified(labels, 0.2, 1))


def test_class_of_one_image_is_named():
    with pytest.raises(DataError, match="class owl "):
        stratified(np.array([0, 0, 1]), 0.5, 0, ("cat", "owl"))


@pytest.mark.parametrize("share", [0, 1, -0.5, 1.5])
def test_impossible_share_is_refused(share):
    with pytest.raises(DataError, match="between 0 and 1"):
        stratified(np.array([0, 0]), share, 0)


def test_validation_is_cut_from_what_is_not_tested():
    labels = np.repeat([0, 1], 10).astype(np.int32)
    tested = np.tile([True, False], 10)
    split = assign(labels, tested, 0.2, 0, ("a", "b"))
    assert np.array_equal(split == TEST, tested)
    for label in (0, 1):
        assert (split[labels == label] == VALIDATION).sum() == 1
        assert (split[labels == label] == TRAIN).sum() == 4
    assert not (assign(labels, tested, 0, 0, ("a", "b")) == VALIDATION).any()
