"""STL-10's files in the layout of its archive, and LASEM's tasks of it."""

import hashlib
import logging
from pathlib import Path

import numpy as np
import pytest

from lifelong.data import stl10
from lifelong.data.sources import read_source
from lifelong.data.splits import TEST, TRAIN, VALIDATION
from lifelong.plan.class_names import STL10
from lifelong.plan.config import check
from lifelong.plan.errors import DataError
from lifelong.plan.reading import read as read_yaml

COUNTS = {"train": 40, "test": 20}
SETTINGS = {"source": "stl10", "image_size": None, "channels": 3, "download": False}
SETTINGS |= {"validation": 0.25, "test": 0.25, "seed": 0}
FILE = Path(__file__).parents[2] / "experiments" / "lasem_stl10_20.yaml"


@pytest.fixture
def root(tmp_path, monkeypatch):
    """The archive with fewer images, whose digests are taken for the published ones."""
    folder = tmp_path / "stl10_binary"
    folder.mkdir()
    rng, digests = np.random.default_rng(0), {}
    for split, count in COUNTS.items():
        labels = np.tile(np.arange(1, 11, dtype=np.uint8), count // 10)
        images = rng.integers(0, 256, (count, 3, 96, 96), dtype=np.uint8)
        images[:, 0, 0, 0] = labels
        images[:, 1, 5, 90] = 7  # far along a column is far down the picture
        for name, array in ((f"{split}_X.bin", images), (f"{split}_y.bin", labels)):
            array.tofile(folder / name)
            digests[name] = hashlib.md5(array.tobytes()).hexdigest()
    (folder / "class_names.txt").write_text("".join(f"{name}\n" for name in STL10))
    monkeypatch.setattr(stl10, "_COUNTS", COUNTS)
    monkeypatch.setattr(stl10, "_MD5", digests)
    return tmp_path


def read(root, **changes):
    return read_source({**SETTINGS, "root": str(root), **changes}, logging.getLogger(__name__))


def test_images_are_upright_and_labels_count_from_nought(root):
    raw = read(root)
    assert raw.images.shape == (60, 3, 96, 96) and raw.images.dtype == np.uint8
    assert raw.classes == STL10 and set(raw.groups) == {""}
    assert np.array_equal(raw.images[:, 0, 0, 0], raw.labels + 1)
    assert (raw.images[:, 1, 90, 5] == 7).all()
    assert not (raw.images[:, 1, 5, 90] == 7).all()
    assert np.bincount(raw.split).tolist() == [30, 10, 20]
    assert (raw.split[40:] == TEST).all()
    for label in range(10):
        mine = raw.split[raw.labels == label].tolist()
        assert sorted(mine) == [TRAIN] * 3 + [VALIDATION] + [TEST] * 2


def test_missing_short_and_other_files_are_named(root):
    def refused(match, **changes):
        with pytest.raises(DataError, match=match):
            read(root, **changes)

    refused("set channels to 3", channels=1)
    path = root / "stl10_binary/test_y.bin"
    whole = path.read_bytes()
    path.write_bytes(whole[:-1])
    refused(r"test_y\.bin has 19 bytes and should have 20: delete it, fetch it")
    path.write_bytes(whole[:-1] + b"\x03")
    refused(r"test_y\.bin is not the published file")
    path.unlink()
    refused(r"stl10_binary holds no test_y\.bin: `download: true` fetches STL-10")
    path.write_bytes(whole)
    (root / "stl10_binary/class_names.txt").write_text("cat\n")
    refused(r"class_names\.txt does not name STL-10's classes")
    (root / "stl10_binary/class_names.txt").unlink()
    refused(r"holds no class_names\.txt")


def test_what_is_missing_is_fetched_once_and_only_if_asked(root, monkeypatch):
    import torchvision.datasets

    path, asked = root / "stl10_binary/train_X.bin", []
    whole = path.read_bytes()

    def archive(folder, split, download):
        asked.append((folder, download))
        if len(asked) == 1:
            raise RuntimeError("no network")
        path.write_bytes(whole)

    monkeypatch.setattr(torchvision.datasets, "STL10", archive)
    read(root, download=True)
    assert asked == []
    path.unlink()
    with pytest.raises(DataError, match="fetching it failed"):
        read(root, download=True)
    assert len(read(root, download=True).images) == 60
    assert asked == [(str(root), True)] * 2


def test_the_published_digests_are_those_of_torchvision():
    from torchvision.datasets import STL10 as Archive

    known = dict([*Archive.train_list, *Archive.test_list])
    assert {name: known[name] for name in stl10._MD5} == stl10._MD5
    assert len(stl10._MD5) == 4 and Archive.base_folder == stl10._FOLDER
    assert Archive.class_names_file == stl10._NAMES


def test_the_experiment_has_the_tasks_of_seed_0():
    assert read_yaml(FILE)["tasks"] == stl10.design(20, 3, seed=0)
    assert check(read_yaml(FILE))["tasks"] == stl10.design(20, 3, seed=0)


@pytest.mark.parametrize(("tasks", "classes", "seed"), [(20, 3, 0), (15, 5, 3), (120, 3, 1)])
def test_tasks_follow_the_rules_of_the_design(tasks, classes, seed):
    found = stl10.design(tasks, classes, seed)
    assert len(found) == tasks
    assert len({frozenset(task["classes"]) for task in found}) == tasks
    for task in found:
        assert len(set(task["classes"])) == classes and set(task["classes"]) <= set(STL10)
        noise = task.get("noise", {"mean": 0.0, "std": 0.0})
        assert noise["mean"] in (-0.05, -0.025, 0.0, 0.025) and noise["std"] in (0.0, 0.025)
        assert ("noise" in task) == any(noise.values())
        order = task.get("channel_order", [0, 1, 2])
        assert sorted(order) == [0, 1, 2] and ("channel_order" in task) == (order != [0, 1, 2])
    assert found == stl10.design(tasks, classes, seed) != stl10.design(tasks, classes, seed + 1)


def test_the_shares_of_the_design_are_those_of_its_random_numbers():
    found = [task for seed in range(40) for task in stl10.design(20, 3, seed)]
    count = len(found)
    for name, expected in (("noise", 1 / 8), ("channel_order", 1 / 6)):
        share = sum(name not in task for task in found) / count
        assert abs(share - expected) < 4 * (expected * (1 - expected) / count) ** 0.5
