"""Random parts of images, and squares cut out of them."""

import numpy as np
import pytest
import torch
from drawn import drawn

from lifelong.data.augment import Boxes, cut_out, parts, resized
from lifelong.data.device_split import Split

HOW = {"scale": [0.08, 1.0], "ratio": [3 / 4, 4 / 3]}


def random(seed=0):
    return torch.Generator().manual_seed(seed)


def test_parts_have_the_shares_and_shapes_that_were_asked_for():
    size = 60, 80
    boxes = parts(5000, size, HOW, random())
    assert (boxes.top >= 0).all() and (boxes.top + boxes.height <= 60).all()
    assert (boxes.left >= 0).all() and (boxes.left + boxes.width <= 80).all()
    share = (boxes.height * boxes.width / 4800).numpy()
    ratio = (boxes.width / boxes.height).numpy()
    assert 0.07 < share.min() < 0.1 and share.max() > 0.9
    assert 0.7 < ratio.min() < 0.8 and 1.25 < ratio.max() < 1.45


def test_ranges_that_nobody_gives_are_the_usual_ones():
    few = [parts(50, (30, 30), how, random()) for how in ({}, {"scale": [0.08, 1.0]}, HOW)]
    assert all(torch.equal(one.width, few[2].width) for one in few)
    images = torch.zeros((4, 3, 9, 9), dtype=torch.uint8)
    batches = drawn(Split(images, torch.arange(4)), 4, crop=6, resized_crop={})
    x, _ = next(batches.epoch(0))
    assert x.shape == (4, 3, 6, 6)


def test_they_are_distributed_as_torchvisions():
    from torchvision.transforms.v2 import RandomResizedCrop

    torch.manual_seed(0)
    image, crop = torch.zeros(1, 50, 70), RandomResizedCrop(8)
    theirs = [crop.make_params([image]) for _ in range(3000)]
    ours = parts(3000, (50, 70), HOW, random())
    for name in ("top", "left", "height", "width"):
        levels = np.linspace(0.05, 0.95, 19)
        a = np.quantile([one[name] for one in theirs], levels)
        assert np.abs(a - np.quantile(getattr(ours, name).numpy(), levels)).max() < 3


@pytest.mark.parametrize(
    ("size", "box"), [((10, 90), (0, 38, 10, 13)), ((90, 12), (37, 0, 16, 12))]
)
def test_where_nothing_fits_it_is_the_middle(size, box):
    boxes = parts(3, size, {"scale": [1.0, 1.0], "ratio": HOW["ratio"]}, random())
    found = torch.stack([boxes.top, boxes.left, boxes.height, boxes.width], 1)
    assert found.tolist() == [list(box)] * 3


def test_a_part_is_resized_as_a_whole_image_would_be():
    images = torch.randint(0, 256, (2, 3, 12, 12), dtype=torch.uint8, generator=random())
    whole = Boxes(*(torch.tensor(v) for v in ([0, 2], [0, 3], [12, 4], [12, 4])))
    seen = resized(images, whole, 4)
    assert torch.equal(seen[1], images[1, :, 2:6, 3:7])
    means = images[0].float().view(3, 4, 3, 4, 3).mean((2, 4))
    assert seen.dtype == torch.uint8 and (seen[0].float() - means).abs().mean() < 30


def test_a_square_is_cut_out_of_each_image_and_clipped_at_borders():
    x = cut_out(torch.ones(400, 2, 9, 11), 4, random())
    missing = (x[:, 0] == 0).flatten(1).sum(1)
    assert torch.equal(x[:, 0], x[:, 1])
    assert set(missing.tolist()) == {a * b for a in (2, 3, 4) for b in (2, 3, 4)}
    assert 0.2 < float((missing == 16).float().mean()) < 0.6
    lacking = (x[:, 0] == 0).float().mean(0)
    assert (lacking > 0).all()


@pytest.mark.parametrize("crop", [0, 6])
def test_batches_start_anywhere_with_the_same_bits(crop):
    images = torch.randint(0, 256, (22, 3, 9, 9), dtype=torch.uint8, generator=random())
    how = {"crop_padding": 1, "flip": True, "resized_crop": HOW, "cutout": 2}
    batches = drawn(Split(images, torch.arange(22)), 4, seed=4, crop=crop, **how)
    whole = list(batches.epoch(3))
    assert whole[0][0].shape == (4, 3, crop or 9, crop or 9)
    for start in range(len(whole) + 1):
        rest = list(batches.epoch(3, start))
        assert all(torch.equal(a, b) for (a, _), (b, _) in zip(rest, whole[start:], strict=True))
    assert not torch.equal(whole[0][0], next(batches.epoch(2))[0])


def test_parts_are_mirrored_as_often_as_whole_images():
    ramp = torch.arange(0, 250, 10, dtype=torch.uint8).expand(300, 3, 25, 25)
    split = Split(ramp, torch.zeros(300))
    x, _ = next(drawn(split, 300, crop=8, flip=True, resized_crop=HOW).epoch(0))
    rising = (x[..., -1] > x[..., 0]).all(-1).all(-1)
    falling = (x[..., -1] < x[..., 0]).all(-1).all(-1)
    assert (rising ^ falling).all() and 110 < int(rising.sum()) < 190
