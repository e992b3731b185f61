"""Images that stay in their pack: the same batches as from memory, and never much of them there."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from drawn import drawn
from PIL import Image

from lifelong.data import streamed
from lifelong.data.batches import task_data
from lifelong.data.device_split import eval_batches, statistics
from lifelong.data.images import Framing
from lifelong.data.pack import read_task
from lifelong.data.packing import write_raw
from lifelong.data.photographs import PhotographFiles, Photographs
from lifelong.data.sources import RawSet
from lifelong.data.splits import assign
from lifelong.data.stored import StoredImages
from lifelong.data.tasks import load_arrays
from lifelong.plan.errors import DamagedFile

COUNT, SIDE = 90, 6
PLAIN = ((0.0,) * 3, (1 / 255,) * 3)
CHANGES = [{}, {"noise": {"mean": 0.1, "std": 0.1, "seed": 1}}, {"channel_order": [2, 0, 1]}]


@pytest.fixture(scope="module", params=["pixels", "jpeg"])
def pack(request, tmp_path_factory):
    """Three classes of pictures that all differ."""
    folder = tmp_path_factory.mktemp("streamed")
    pixels = np.random.default_rng(0).integers(0, 256, (COUNT, SIDE, SIDE, 3), np.uint8)
    files = [folder / f"{row}.png" for row in range(COUNT)]
    for image, file in zip(pixels, files, strict=True):
        Image.fromarray(image).save(file)
    quality = 95 if request.param == "jpeg" else 0
    images = Photographs(PhotographFiles(files), Framing(SIDE, 3, "exact", quality))
    labels = np.arange(COUNT, dtype=np.int32) % 3
    split = assign(labels, np.arange(COUNT) % 5 == 4, 0.25, 0, "abc")
    path = folder / "pack.h5"
    write_raw(path, RawSet(images, labels, split, ("a", "b", "c"), ("",) * 3))
    return path


def both(path, workers=3, **data):
    """The task in memory, and the same task in its pack."""
    data = {"task": "t", "classes": ["c", "a"], **data}
    arrays = [load_arrays(path, data), load_arrays(path, data | {"memory_mb": 0}, workers)]
    assert isinstance(arrays[1].images, StoredImages)
    return [task_data(one, "clean", crop=5) for one in arrays]


def trained_on(task, start=0, epoch=2):
    options = {"crop_padding": 1, "flip": True, "seed": 3, "crop": task.crop}
    return list(drawn(task.train, 4, **options).epoch(epoch, start))


def alike(left, right):
    return len(left) == len(right) and all(
        torch.equal(a, b) and torch.equal(c, d) for (a, c), (b, d) in zip(left, right, strict=True)
    )


@pytest.mark.parametrize("change", CHANGES)
def test_what_fits_one_window_gives_the_batches_of_memory(pack, change):
    here, there = both(pack, **change)
    assert (here.mean, here.std) == (there.mean, there.std)
    assert alike(trained_on(here), trained_on(there))
    for split in ("train", "deciding", "test"):
        seen = [list(eval_batches(getattr(one, split), *PLAIN, 7)) for one in (here, there)]
        assert alike(*seen)


def small_windows(monkeypatch):
    monkeypatch.setattr(streamed.Streamed, "window", lambda self, size: 3 * size)
    monkeypatch.setattr(streamed.Streamed, "block", lambda self: 2)


def test_in_small_windows_every_image_comes_once_and_resuming_changes_nothing(pack, monkeypatch):
    small_windows(monkeypatch)
    here, there = both(pack)
    epochs = [trained_on(there, epoch=epoch) for epoch in range(2)]
    assert not alike(*epochs)
    for batches in epochs:
        labels = torch.cat([y for _, y in batches])
        assert torch.equal(labels.sort()[0], here.train.labels.sort()[0])
    for start in range(len(epochs[1]) + 1):
        assert alike(trained_on(there, start, epoch=1), epochs[1][start:])


def test_windows_are_read_one_ahead(pack, monkeypatch):
    """Not more than two windows of 12 images are read before the first one has been used."""
    small_windows(monkeypatch)
    _, there = both(pack, workers=1)
    fetched, real = [], StoredImages.fetch

    def fetch(stored, at):
        fetched.append(len(at))
        return real(stored, at)

    monkeypatch.setattr(StoredImages, "fetch", fetch)
    batches = drawn(there.train, 4).epoch(0)
    next(batches)
    assert sum(fetched) <= 24
    list(batches)
    assert sum(fetched) == len(there.train.labels)


def test_orders_are_of_neighbours_within_windows():
    random = torch.Generator().manual_seed(0)
    order = streamed.shuffled(103, 5, 20, random)
    assert sorted(order.tolist()) == list(range(103))
    for window in order.split(20):  # four blocks of five, or the two at its edges in part
        assert len({row // 5 for row in window.tolist()}) <= 6
    assert order[:20].sort()[0].tolist() != order[:20].tolist()


def test_a_damaged_image_is_refused_when_it_is_read(pack):
    stored = read_task(pack, None, None, memory_mb=0).images
    wrong = stored.checksums.copy()
    wrong[5] ^= 1
    damaged = StoredImages(stored.path, stored.rows, wrong, stored.image_shape, stored.ends)
    assert len(damaged.fetch(np.arange(5))) == 5
    with pytest.raises(DamagedFile, match="fail their checksum"):
        damaged.fetch(np.array([7, 5]))


def test_statistics_need_no_whole_task(pack):
    stored = read_task(pack, None, None, memory_mb=0).images
    assert statistics(stored) == statistics(stored[:])


def test_the_same_images_are_known_in_any_pack(pack, tmp_path):
    def images(path=pack, **data):
        return both(path, **data)[1].train.images

    copy = Path(shutil.copy(pack, tmp_path))
    assert images().same_as(images(copy)) and not images().same_as(images(classes=["a", "b"]))
    change = {"channel_order": [2, 0, 1]}
    assert images(**change).same_as(images(copy, **change))
    assert not images().same_as(images(**change))
