"""Random squares of larger images while training."""

from itertools import product

import pytest
import torch
from drawn import drawn
from hypothesis import given, settings
from hypothesis import strategies as st

from lifelong.data.batches import TrainBatches, task_data
from lifelong.data.device_split import Split
from lifelong.data.pack import TaskArrays


def batches(split: Split, size: int, pad: int = 0, flip: bool = False, **options) -> TrainBatches:
    return drawn(split, size, seed=1, crop_padding=pad, flip=flip, **options)


def alike(count: int, side: int) -> Split:
    pixels = torch.arange(1, side * side + 1, dtype=torch.uint8).view(1, 1, side, side)
    return Split(pixels.repeat(count, 1, 1, 1), torch.zeros(count, dtype=torch.int64))


def test_squares_of_two_pixels_of_a_3x3_image_are_these_four():
    x, _ = next(batches(alike(200, 3), 200, crop=2).epoch(0))
    seen = {tuple(one.flatten().int().tolist()) for one in x}
    assert x.shape == (200, 1, 2, 2)
    assert seen == {(1, 2, 4, 5), (2, 3, 5, 6), (4, 5, 7, 8), (5, 6, 8, 9)}


@settings(max_examples=25)
@given(st.integers(1, 6), st.integers(0, 2), st.booleans())
def test_every_image_is_a_square_of_its_own(crop, pad, flip):
    side, count = 6, 5
    pixels = torch.arange(count * side * side).view(count, 1, side, side).to(torch.uint8)
    split = Split(pixels, torch.arange(count))
    padded = torch.nn.functional.pad(pixels, (pad,) * 4)
    places = list(product(range(side + 2 * pad - crop + 1), repeat=2))
    for x, y in batches(split, 2, pad, flip, crop=crop).epoch(0):
        for image, row in zip(x.round().to(torch.uint8), y.tolist(), strict=True):
            found = [padded[row, :, a : a + crop, b : b + crop] for a, b in places]
            found += [one.flip(2) for one in found] if flip else []
            assert any(torch.equal(image, one) for one in found)


@pytest.mark.parametrize("pad", [0, 2])
def test_a_crop_of_the_whole_image_is_no_crop(pad):
    plain = list(batches(alike(9, 5), 4, pad, True).epoch(2))
    whole = list(batches(alike(9, 5), 4, pad, True, crop=5).epoch(2))
    for (a, c), (b, d) in zip(plain, whole, strict=True):
        assert torch.equal(a, b) and torch.equal(c, d)


def test_images_stay_whole_where_they_are_kept():
    images, split = alike(9, 4).images.numpy(), torch.tensor([0, 1, 2] * 3, dtype=torch.uint8)
    labels = torch.arange(9).numpy() % 2
    data = task_data(TaskArrays(images, labels, split.numpy(), ("a", "b")), "clean", crop=3)
    assert data.crop == 3 and data.test.images.shape == (3, 1, 4, 4)
