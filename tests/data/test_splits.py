import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lifelong.data.splits import (
    TEST,
    TRAIN,
    UNUSED,
    VALIDATION,
    assign,
    drawn,
    random_of,
    shuffled,
    stratified,
    tenths,
)
from lifelong.plan.errors import DataError

sizes = st.lists(st.integers(2, 40), min_size=1, max_size=6)


@settings(max_examples=60)
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


@settings(max_examples=40)
@given(st.lists(st.integers(10, 60), min_size=1, max_size=4), st.integers(0, 99))
def test_tenths_are_rounded_down_and_the_rest_is_in_no_split(sizes, seed):
    labels = np.repeat(np.arange(len(sizes)), sizes)
    np.random.RandomState(seed).shuffle(labels)
    split = tenths(labels, seed, [str(size) for size in sizes])
    for label, size in enumerate(sizes):
        counts = np.bincount(split[labels == label], minlength=4)
        assert counts[:3].tolist() == [int(0.6 * size), int(0.1 * size), int(0.3 * size)]
        assert counts[UNUSED] == size - counts[:3].sum() < 3
    assert np.array_equal(split, tenths(labels, seed, [str(size) for size in sizes]))


def test_tenths_depend_on_the_seed_and_need_ten_images():
    labels = np.repeat([0, 1], [20, 9])
    with pytest.raises(DataError, match="class owl has 9 images and needs ten"):
        tenths(labels, 0, ("cat", "owl"))
    assert not np.array_equal(tenths(labels[:20], 0, ("cat",)), tenths(labels[:20], 1, ("cat",)))


LABELS = np.tile([0, 1], 50)
SPLIT = np.repeat([TRAIN, VALIDATION, TEST], [60, 20, 20])


def draw(seed=1, names=("cat", "owl"), labels=LABELS, **counts):
    return drawn(labels, SPLIT, counts, seed, names)


@settings(max_examples=40)
@given(st.integers(1, 30), st.integers(1, 10), st.integers(0, 2**63 - 1))
def test_a_draw_is_of_the_asked_size_and_part_of_every_larger_one(train, validation, seed):
    mask = draw(seed, train=train, validation=validation)
    for label in (0, 1):
        counts = np.bincount(SPLIT[mask & (label == LABELS)], minlength=3)
        assert counts.tolist() == [train, validation, 10]
    larger = draw(seed, train=30, validation=validation)
    assert (larger[mask]).all()
    assert np.array_equal(mask, draw(seed, train=train, validation=validation))


def test_a_draw_depends_on_the_seed_and_not_on_the_other_classes():
    first = draw(train=5, validation=2)
    assert not np.array_equal(first, draw(2, train=5, validation=2))
    turned = draw(names=("owl", "cat"), labels=1 - LABELS, train=5, validation=2)
    assert np.array_equal(first, turned)
    assert not np.array_equal(first, draw(names=("cat", "emu"), train=5, validation=2))


def test_a_split_that_no_draw_names_is_whole():
    mask = draw(train=5)
    assert mask[SPLIT != TRAIN].all() and mask[SPLIT == TRAIN].sum() == 10


def test_a_class_with_fewer_images_than_drawn_is_named():
    with pytest.raises(DataError, match="class cat has 10 validation images and draw asks for 11"):
        draw(validation=11)


def test_long_seeds_differ_in_both_halves():
    first = [random_of(seed).randint(2**31) for seed in (0, 1, 1 << 32, (1 << 32) + 1)]
    assert len(set(first)) == 4


def test_a_shuffled_validation_is_that_of_the_published_programs():
    """RandomState(seed).shuffle of 0..n-1, the first of it; test images stay where they are."""
    split = np.array([TEST, TRAIN, VALIDATION, TRAIN, TRAIN, TEST], np.uint8)
    order = np.arange(4)
    np.random.RandomState(3).shuffle(order)
    expected = np.array([TEST, TRAIN, TRAIN, TRAIN, TRAIN, TEST], np.uint8)
    expected[np.array([1, 2, 3, 4])[order[:2]]] = VALIDATION
    assert shuffled(split, 2, seed=3).tolist() == expected.tolist()
    with pytest.raises(DataError, match=r"has 4 images and draw\.shuffled_validation asks for 4"):
        shuffled(split, 4, seed=0)
