"""Office-Home in the layout of its archive, and the experiments on it."""

import logging
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lifelong.data.pack import read_task
from lifelong.data.packing import write_pack
from lifelong.data.sources import read_source
from lifelong.plan.class_names import OFFICE_HOME
from lifelong.plan.errors import DataError
from lifelong.plan.reading import read as read_yaml

TREE = Path(__file__).parents[2]
SETTINGS = {"source": "office_home", "image_size": 8, "channels": 3, "download": False}
SETTINGS |= {"validation": 0.2, "test": 0.25, "seed": 0}
PRODUCT, REAL = 12, 10  # pictures a class
LOG = logging.getLogger(__name__)


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    """Both domains and one that is not used; every picture has a shade of its own."""
    root = tmp_path_factory.mktemp("office_home")
    (root / "Clipart").mkdir()
    (root / "ImageInfo.csv").write_text("x")
    for domain, count in (("Product", PRODUCT), ("Real World", REAL)):
        for number, name in enumerate(OFFICE_HOME):
            folder = root / domain / name
            folder.mkdir(parents=True)
            for i in range(1, count + 1):
                shade = np.full((9, 6, 3), (3 * number, 20 * i, 40 if count == REAL else 0))
                Image.fromarray(shade.astype(np.uint8)).save(folder / f"{i:05d}.jpg", quality=95)
    return root


def read(root, **changes):
    raw = read_source({**SETTINGS, "root": str(root), **changes}, LOG)
    return replace(raw, images=np.asarray(raw.images))


def test_domains_are_groups_and_leftover_pictures_are_not_packed(tree):
    raw = read(tree)
    assert raw.classes[0] == "Product/Alarm_Clock" and raw.classes[65] == "RealWorld/Alarm_Clock"
    assert raw.classes[63] == "Product/TV" and raw.classes[129] == "RealWorld/Webcam"
    assert raw.groups == ("Product",) * 65 + ("RealWorld",) * 65
    for label in range(130):
        counts = np.bincount(raw.split[raw.labels == label]).tolist()
        # of 12 pictures 7, 1 and 3, of 10 6, 1 and 3
        assert counts == ([7, 1, 3] if label < 65 else [6, 1, 3])
    assert raw.images.shape == (65 * (11 + 10), 3, 8, 8)
    shades = raw.images[:, :, 4, 4].astype(int)
    assert np.abs(shades[:, 0] - 3 * (raw.labels % 65)).max() <= 4
    assert np.abs(shades[:, 2] - 40 * (raw.labels >= 65)).max() <= 6
    assert all(len(set(shades[raw.labels == label, 1] // 10)) > 8 for label in (0, 100))


def test_a_picture_has_one_split_whatever_task_shows_it(tree, tmp_path):
    path = tmp_path / "pack.h5"
    assert write_pack(path, {**SETTINGS, "root": str(tree)})["images"] == {
        "train": 65 * 13,
        "validation": 65 * 2,
        "test": 65 * 6,
    }
    tasks = read_yaml(TREE / "experiments/lasem_office_home_incremental.yaml")["tasks"]
    purpose: dict[bytes, int] = {}
    for task in tasks:
        found = read_task(path, task["classes"], task["group"])
        assert found.classes == tuple(task["classes"])
        for image, split in zip(found.images, found.split.tolist(), strict=True):
            assert purpose.setdefault(image.tobytes(), split) == split
    assert len(purpose) == 8 * 11


def test_the_seed_decides_the_split(tree):
    first, again, other = read(tree), read(tree), read(tree, seed=1)
    assert np.array_equal(first.images, again.images)
    assert np.array_equal(first.split, again.split)
    assert not np.array_equal(first.images, other.images)


def test_shrinking_does_not_alias(tmp_path, tree):
    """Stripes of one pixel become grey; every fourth pixel of them would stay black."""
    copy(tree, tmp_path)
    stripes = np.zeros((32, 32, 3), np.uint8)
    stripes[:, 1::2] = 255
    for file in (tmp_path / "Product/TV").iterdir():
        file.unlink()
    for i in range(10):
        Image.fromarray(stripes).save(tmp_path / f"Product/TV/{i}.png")
    raw = read(tmp_path)
    small = raw.images[raw.labels == OFFICE_HOME.index("TV")]
    assert len(small) == 10 and np.abs(small.astype(int) - 127)[..., 2:-2].max() < 26


def copy(tree, target):
    for file in tree.rglob("*.jpg"):
        place = target / file.relative_to(tree)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.hardlink_to(file)


def test_names_may_be_written_otherwise_and_what_is_wrong_is_named(tree, tmp_path):
    copy(tree, tmp_path)
    (tmp_path / "Real World").rename(tmp_path / "RealWorld")
    (tmp_path / "Product/ToothBrush").rename(tmp_path / "Product/Toothbrush")
    (tmp_path / "Product/Alarm_Clock").rename(tmp_path / "Product/alarm clock")
    assert np.array_equal(read(tmp_path).images, read(tree).images)

    def refused(match, **changes):
        with pytest.raises(DataError, match=match):
            read(tmp_path, **changes)

    refused("needs image_size", image_size=None)
    (tmp_path / "Product/tooth_brush").mkdir()
    refused("Product holds both Toothbrush and tooth_brush: keep one of them")
    (tmp_path / "Product/tooth_brush").rmdir()
    (tmp_path / "Product/Bed/00001.jpg").write_bytes(b"no picture")
    refused(r"Bed/00001\.jpg cannot be read", seed=3)
    for i in (1, 2, 3):
        (tmp_path / f"Product/Bed/{i:05d}.jpg").unlink()
    refused("class Product/Bed has 9 images and needs ten")
    (tmp_path / "RealWorld/Webcam").rename(tmp_path / "Webcam")
    refused("RealWorld holds no folder Webcam: unpack the whole archive")
    (tmp_path / "RealWorld").rename(tmp_path / "Art")
    refused("holds no folder RealWorld")


def test_tasks_are_those_of_lasem():
    tasks = read_yaml(TREE / "experiments/lasem_office_home.yaml")["tasks"]
    assert [task["group"] for task in tasks] == ["Product"] * 5 + ["RealWorld"] * 5
    for first, second in zip(tasks[:5], tasks[5:], strict=True):
        assert first["classes"] == second["classes"] and len(first["classes"]) == 13
    ids = [[OFFICE_HOME.index(name) for name in task["classes"]] for task in tasks[:5]]
    assert ids[0] == [63, 54, 55, 59, 47, 8, 5, 56, 18, 50, 3, 57, 13]
    assert ids[4] == [28, 2, 49, 37, 20, 23, 58, 24, 52, 61, 7, 0, 42]
    assert sorted(number for row in ids for number in row) == list(range(65))
    growing = read_yaml(TREE / "experiments/lasem_office_home_incremental.yaml")["tasks"]
    numbers = [OFFICE_HOME.index(name) for name in growing[-1]["classes"]]
    assert numbers == [13, 58, 41, 11, 6, 38, 3, 62]
    assert [task["classes"] for task in growing] == [
        growing[-1]["classes"][:count] for count in range(3, 9)
    ]
