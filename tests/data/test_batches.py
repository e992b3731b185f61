import numpy as np
import pytest
import torch
from drawn import drawn
from hypothesis import given, settings
from hypothesis import strategies as st

from lifelong.data.batches import task_data
from lifelong.data.device_split import Split, eval_batches, statistics
from lifelong.data.pack import TaskArrays
from lifelong.plan.errors import DataError


def numbered(count, channels=1, height=3, width=3):
    """Images whose pixels all differ (modulo 256), labels that are the row."""
    pixels = torch.arange(count * channels * height * width) % 256
    images = pixels.view(count, channels, height, width).to(torch.uint8)
    return Split(images, torch.arange(count))


def batches(split, size=4, pad=0, flip=False, seed=0, normal=None, **options):
    return drawn(split, size, seed, normal, crop_padding=pad, flip=flip, **options)


def same(left, right):
    return len(left) == len(right) and all(
        torch.equal(a, b) and torch.equal(c, d) for (a, c), (b, d) in zip(left, right, strict=True)
    )


def test_crops_of_a_3x3_image_are_its_nine_shifts():
    image = torch.arange(1, 10, dtype=torch.uint8).view(1, 1, 3, 3)
    split = Split(image.repeat(400, 1, 1, 1), torch.zeros(400, dtype=torch.int64))
    x, _ = next(batches(split, 400, pad=1).epoch(0))
    seen = {tuple(one.flatten().int().tolist()) for one in x}
    assert seen == {
        (0, 0, 0, 0, 1, 2, 0, 4, 5),
        (0, 0, 0, 1, 2, 3, 4, 5, 6),
        (0, 0, 0, 2, 3, 0, 5, 6, 0),
        (0, 1, 2, 0, 4, 5, 0, 7, 8),
        (1, 2, 3, 4, 5, 6, 7, 8, 9),
        (2, 3, 0, 5, 6, 0, 8, 9, 0),
        (0, 4, 5, 0, 7, 8, 0, 0, 0),
        (4, 5, 6, 7, 8, 9, 0, 0, 0),
        (5, 6, 0, 8, 9, 0, 0, 0, 0),
    }


def test_flip_mirrors_about_half_of_the_images():
    image = torch.arange(1, 10, dtype=torch.uint8).view(1, 1, 3, 3)
    split = Split(image.repeat(400, 1, 1, 1), torch.zeros(400, dtype=torch.int64))
    x, _ = next(batches(split, 400, flip=True).epoch(0))
    straight = (x == image).flatten(1).all(1)
    mirrored = (x == image.flip(3)).flatten(1).all(1)
    assert (straight ^ mirrored).all()
    assert 150 < int(mirrored.sum()) < 250


@settings(max_examples=40)
@given(
    st.integers(2, 15),
    st.integers(1, 5),
    st.sampled_from([1, 3]),
    st.integers(0, 2),
    st.booleans(),
    st.integers(0, 9),
)
def test_every_batch_is_a_crop_of_its_own_images(count, size, channels, pad, flip, seed):
    split = numbered(count, channels, 3, 4)
    padded = torch.nn.functional.pad(split.images, (pad,) * 4)
    normal = ((0.0,) * channels, (1 / 255,) * channels)
    loader = batches(split, size, pad, flip, seed, normal)
    seen = list(loader.epoch(3))
    assert len(seen) == len(loader)
    rows = torch.cat([y for _, y in seen]).tolist()
    assert len(set(rows)) == len(rows) == count - (size > 1 and count % size == 1)
    for x, y in seen:
        for image, row in zip(x.round().to(torch.uint8), y.tolist(), strict=True):
            crops = [
                padded[row, :, top : top + 3, left : left + 4]
                for top in range(2 * pad + 1)
                for left in range(2 * pad + 1)
            ]
            crops += [crop.flip(2) for crop in crops] if flip else []
            assert any(torch.equal(image, crop) for crop in crops)


@pytest.mark.parametrize(("pad", "flip"), [(0, False), (4, False), (0, True), (4, True)])
def test_start_in_the_middle_gives_the_same_batches(pad, flip):
    split = numbered(50, 3, 8, 8)
    normal = ((0.4, 0.5, 0.6), (0.2, 0.3, 0.4))
    whole = list(batches(split, 8, pad, flip, 7, normal).epoch(5))
    for start in range(len(whole) + 1):
        rest = list(batches(split, 8, pad, flip, 7, normal).epoch(5, start))
        assert same(rest, whole[start:])


def test_epochs_and_seeds_differ_and_repeat():
    split = numbered(40)
    first = list(batches(split, pad=1, flip=True).epoch(0))
    assert same(first, list(batches(split, pad=1, flip=True).epoch(0)))
    assert not same(first, list(batches(split, pad=1, flip=True).epoch(1)))
    assert not same(first, list(batches(split, pad=1, flip=True, seed=1).epoch(0)))


@pytest.mark.parametrize(
    ("count", "size", "expected"), [(8, 4, 2), (10, 4, 3), (9, 4, 2), (3, 1, 3), (3, 9, 1)]
)
def test_a_last_batch_of_one_is_dropped(count, size, expected):
    loader = batches(numbered(count), size)
    assert len(loader) == len(list(loader.epoch(0))) == expected


def test_one_image_is_not_enough():
    with pytest.raises(DataError, match="two training images"):
        batches(numbered(1))


def test_normalisation_and_order_of_evaluation():
    images = torch.tensor([0, 51, 255], dtype=torch.uint8).view(3, 1, 1, 1)
    split = Split(images, torch.tensor([2, 0, 1]))
    seen = list(eval_batches(split, (0.2,), (0.4,), batch_size=2))
    assert [len(y) for _, y in seen] == [2, 1]
    # (0 - .2) / .4, (.2 - .2) / .4, (1 - .2) / .4
    values = torch.cat([x for x, _ in seen]).flatten()
    assert torch.allclose(values, torch.tensor([-0.5, 0.0, 2.0]), atol=1e-6)
    assert torch.cat([y for _, y in seen]).tolist() == [2, 0, 1]


@pytest.mark.parametrize("flip", [False, True])
def test_training_and_evaluation_normalise_alike(flip):
    images = torch.arange(18, dtype=torch.uint8).view(6, 3, 1, 1).expand(6, 3, 4, 4)
    split = Split(images.contiguous(), torch.arange(6))  # mirroring changes nothing
    normal = ((0.1, 0.2, 0.3), (0.4, 0.5, 0.6))
    expected = next(eval_batches(split, *normal))[0]
    for x, y in batches(split, 3, flip=flip, normal=normal).epoch(0):
        assert torch.equal(x, expected[y])
        assert x.dtype == torch.float32


@pytest.mark.parametrize(("pad", "flip"), [(0, False), (2, True)])
def test_memory_format_changes_strides_and_not_values(pad, flip):
    split = numbered(12, 3, 5, 5)
    normal = ((0.5,) * 3, (0.5,) * 3)
    plain = list(batches(split, 4, pad, flip, normal=normal).epoch(0))
    last = torch.channels_last
    other = list(batches(split, 4, pad, flip, normal=normal, form=last).epoch(0))
    assert same(plain, other)
    assert all(x.is_contiguous() for x, _ in plain)
    assert all(x.is_contiguous(memory_format=last) for x, _ in other)
    x, _ = next(eval_batches(split, *normal, memory_format=last))
    assert x.is_contiguous(memory_format=last)


def test_statistics_match_the_definition():
    images = np.random.default_rng(0).integers(0, 256, (300, 3, 5, 4), dtype=np.uint8)
    mean, std = statistics(images)
    assert np.allclose(mean, (images / 255).mean(axis=(0, 2, 3)), atol=1e-14)
    assert np.allclose(std, (images / 255).std(axis=(0, 2, 3)), atol=1e-14)
    assert (mean, std) == statistics(images[::-1])
    assert statistics(np.full((2, 1, 2, 2), 51, np.uint8)) == ((0.2,), (1 / 255,))


@pytest.fixture
def arrays():
    images = np.arange(6, dtype=np.uint8).reshape(6, 1, 1, 1) * 51
    labels = np.array([0, 1, 0, 1, 0, 1])
    return TaskArrays(images, labels, np.array([0, 0, 1, 1, 2, 2], np.uint8), ("a", "b"))


def test_clean_protocol_keeps_the_test_split_apart(arrays):
    data = task_data(arrays, "clean")
    assert data.deciding_name == "validation"
    assert data.train.images.flatten().tolist() == [0, 51]
    assert data.deciding.images.flatten().tolist() == [102, 153]
    assert data.test.images.flatten().tolist() == [204, 255]
    assert data.mean == pytest.approx((0.1,))
    assert data.std == pytest.approx((0.1,))


def test_paper_protocol_trains_on_validation_and_decides_on_test(arrays):
    data = task_data(arrays, "paper")
    assert data.deciding_name == "test"
    assert data.train.images.flatten().tolist() == [0, 51, 102, 153]
    assert data.deciding is data.test
    assert data.mean == pytest.approx((0.3,))
    assert data.train.labels.dtype == torch.int64


def test_given_statistics_are_taken(arrays):
    data = task_data(arrays, "clean", mean=[0.25])
    assert data.mean == (0.25,)
    assert data.std == pytest.approx((0.1,))
    assert task_data(arrays, "clean", [0.5], [0.5]).std == (0.5,)
    for mean, std in (((0.1, 0.2), (0.5,)), ((0.1,), (0.0,)), ((0.1,), (0.5, 0.5))):
        with pytest.raises(DataError, match="need 1 values"):
            task_data(arrays, "clean", mean, std)


def test_each_split_may_be_normalised_by_its_own_statistics(arrays):
    # pixels 0 and 51, 102 and 153, 204 and 255 of 255: each pair is 0.1 around its mean
    data = task_data(arrays, "clean", own_split=True)
    for split, mean in ((data.train, 0.1), (data.deciding, 0.5), (data.test, 0.9)):
        assert (split.mean, split.std) == (pytest.approx((mean,)), pytest.approx((1 / 2**0.5,)))
        seen = torch.cat([x for x, _ in eval_batches(split, data.mean, data.std)]).flatten()
        # two pixels: the deviation is at least 1 / sqrt(2), not the 0.1 they have
        assert torch.allclose(seen, torch.tensor([-0.1, 0.1]) * 2**0.5, atol=1e-6)
    assert (data.mean, data.std) == (data.train.mean, data.train.std)


def test_own_statistics_are_measured_on_the_whole_split():
    images = np.random.default_rng(0).integers(0, 256, (60, 3, 8, 8), dtype=np.uint8)
    split = np.repeat([0, 1, 2], 20).astype(np.uint8)
    arrays = TaskArrays(images, np.tile([0, 1], 30), split, ("a", "b"))
    data = task_data(arrays, "paper", own_split=True)
    for part, rows in ((data.train, split < 2), (data.test, split == 2)):
        x, _ = next(eval_batches(part, data.mean, data.std))
        pixels = (images[rows] / 255).transpose(1, 0, 2, 3).reshape(3, -1)
        assert np.allclose(part.mean, pixels.mean(1)) and np.allclose(part.std, pixels.std(1))
        assert torch.allclose(x.mean((0, 2, 3)), torch.zeros(3), atol=1e-5)
        assert torch.allclose(x.std((0, 2, 3), correction=0), torch.ones(3), atol=1e-5)
    assert data.deciding is data.test
    x = next(batches(data.train, 40, normal=((0.0,) * 3, (9.0,) * 3)).epoch(0))[0]
    assert torch.allclose(x.mean((0, 2, 3)), torch.zeros(3), atol=1e-5)
    assert task_data(arrays, "paper").test.mean is None


@pytest.mark.parametrize(("split", "name"), [(0, "training"), (1, "validation"), (2, "test")])
def test_empty_split_is_named(arrays, split, name):
    keep = arrays.split != split
    less = TaskArrays(arrays.images[keep], arrays.labels[keep], arrays.split[keep], arrays.classes)
    with pytest.raises(DataError, match=f"no {name} images"):
        task_data(less, "clean")


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device: runs only on the CPU")
def test_steps_stay_on_the_device_and_never_wait_for_the_host():
    split = numbered(100, 3, 32, 32)
    there = Split(split.images.cuda(), split.labels.cuda())
    loader = batches(there, 8, 4, True, 0, ((0.5,) * 3, (0.5,) * 3))
    whole = list(loader.epoch(1))
    steps = loader.epoch(1, 5)
    rest = [next(steps)]  # the draws of an epoch are made at its first step
    torch.cuda.set_sync_debug_mode("error")
    try:
        rest.extend(steps)
    finally:
        torch.cuda.set_sync_debug_mode("default")
    assert same(rest, whole[5:])
    assert all(x.is_cuda and y.is_cuda for x, y in rest)
