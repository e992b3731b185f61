"""A task's images as its experiment shows them."""

import csv
import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lifelong.data.pack import read_task
from lifelong.data.packing import write_raw
from lifelong.data.sources import RawSet
from lifelong.data.tasks import changed, load_arrays, noisy, split_table

DRAW = {"train": 3, "validation": 1, "seed": 7}
SPLIT = np.repeat([0, 1, 2], [6, 2, 4])


def written(path, groups):
    """Three classes of 12 images of 3 x 2 x 2; the first pixel counts them."""
    rng = np.random.default_rng(0)
    images = rng.integers(40, 200, (36, 3, 2, 2), dtype=np.uint8)
    images[:, 0, 0, 0] = np.arange(36)
    names = [
        f"{group}/{name}" if group else name for group, name in zip(groups, "abc", strict=True)
    ]
    labels = np.repeat(np.arange(3, dtype=np.int32), 12)
    split = np.tile(SPLIT, 3).astype(np.uint8)
    write_raw(path, RawSet(images, labels, split, tuple(names), tuple(groups)))
    return path


@pytest.fixture
def pack(tmp_path):
    return written(tmp_path / "pack.h5", ("x", "x", "y"))


def test_without_further_settings_a_task_is_what_the_pack_has(pack):
    found, plain = load_arrays(pack, {"task": "t", "group": "x"}), read_task(pack, None, "x")
    assert np.array_equal(found.images, plain.images)
    assert np.array_equal(found.labels, plain.labels) and found.classes == ("a", "b")


def test_a_set_without_groups_is_one_task(tmp_path):
    path = written(tmp_path / "flat.h5", ("", "", ""))
    assert len(load_arrays(path, {"task": "t", "group": "t"}).images) == 36


def test_the_table_names_the_rows_that_are_loaded(pack):
    data = {"task": "t", "classes": ["c", "a"], "draw": DRAW}
    found = load_arrays(pack, data)
    table = list(csv.DictReader(io.StringIO(split_table(pack, data))))
    assert list(table[0]) == ["split", "class", "row"]
    assert len(table) == 2 * (3 + 1 + 4) == len(found.images)
    assert {(one["split"], one["class"]) for one in table} == {
        (split, name) for split in ("train", "validation", "test") for name in ("x/a", "y/c")
    }
    rows = {int(one["row"]) for one in table}
    assert rows == set(found.images[:, 0, 0, 0].tolist())  # its first pixel is its row
    for one in table:
        label = ("y/c", "x/a").index(one["class"])
        at = int(np.flatnonzero(found.images[:, 0, 0, 0] == int(one["row"]))[0])
        assert found.labels[at] == label
        assert ("train", "validation", "test")[found.split[at]] == one["split"]


def test_channels_change_places(pack):
    plain = load_arrays(pack, {"task": "t", "group": "x"})
    turned = load_arrays(pack, {"task": "t", "group": "x", "channel_order": [2, 0, 1]})
    for to, origin in enumerate((2, 0, 1)):
        assert np.array_equal(turned.images[:, to], plain.images[:, origin])
    assert turned.images.flags["C_CONTIGUOUS"]


def test_noise_comes_after_the_draw_and_before_the_channels(pack):
    noise = {"mean": 0.1, "std": 0.02, "seed": 3}
    data = {"task": "t", "group": "x", "draw": DRAW, "noise": noise, "channel_order": [1, 2, 0]}
    drawn = load_arrays(pack, {"task": "t", "group": "x", "draw": DRAW})
    found = load_arrays(pack, data)
    assert np.array_equal(found.images, noisy(drawn.images, **noise)[:, [1, 2, 0]])
    assert np.array_equal(found.split, drawn.split)  # validation and test images have it too
    for split in (0, 1, 2):
        rows = found.split == split
        change = found.images[rows][:, [2, 0, 1]].astype(int) - drawn.images[rows]
        assert 10 < change.mean() < 40


def test_noise_is_added_clipped_and_rounded():
    images = np.array([0, 12, 13, 100, 250], np.uint8).reshape(5, 1, 1, 1)
    # -0.05 is 12.75 steps of 1/255, +0.025 is 6.375
    assert noisy(images, -0.05, 0.0, 0).flatten().tolist() == [0, 0, 0, 87, 237]
    assert noisy(images, 0.025, 0.0, 0).flatten().tolist() == [6, 18, 19, 106, 255]
    assert noisy(images, 0.0, 0.0, 0).tolist() == images.tolist()


def test_noise_has_its_mean_and_deviation():
    images = np.full((200, 3, 16, 16), 128, np.uint8)
    images[:, 0, 0, 0] = np.arange(200) % 100 + 80  # equal pictures would have equal noise
    images[:, 0, 0, 1] = np.arange(200) // 100 + 128
    change = (noisy(images, -0.025, 0.1, 4) - images.astype(float)) / 255
    count = images.size  # of normal values; rounding adds 1/12 of a step squared
    assert abs(change.mean() + 0.025) < 5 * 0.1 / count**0.5
    assert abs(change.var() - 0.1**2 - 1 / (12 * 255**2)) < 5 * 0.1**2 * (2 / count) ** 0.5


@given(st.permutations(range(6)), st.integers(0, 2**63 - 1))
def test_a_pictures_noise_depends_on_the_seed_and_its_pixels_alone(order, seed):
    """So that a picture of one's own is seen as the same picture in a pack was."""
    images = np.full((6, 1, 3, 3), 100, np.uint8)
    images[:, 0, 0, 0] = np.arange(6)
    whole = noisy(images, 0.0, 0.2, seed)
    assert np.array_equal(noisy(images[list(order)], 0.0, 0.2, seed), whole[list(order)])
    assert not np.array_equal(whole, noisy(images, 0.0, 0.2, seed ^ 1))
    assert not np.array_equal(whole[0, 0, 1:], whole[1, 0, 1:])


def test_published_pixels_are_scrambled_as_four_programs_do():
    """x[c, h, w] = raw[96 h + 3 w + c] of the 3072 bytes of an image: all of red first."""
    raw = np.random.RandomState(0).randint(256, size=(2, 3, 32, 32)).astype(np.uint8)
    seen = changed(raw, None, None, "published")
    flat = raw.reshape(2, -1)
    for c, h, w in ((0, 0, 0), (2, 0, 0), (1, 10, 31), (2, 31, 31)):
        assert (seen[:, c, h, w] == flat[:, 96 * h + 3 * w + c]).all()
    assert np.array_equal(changed(raw, None, None), raw)
