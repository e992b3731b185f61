"""Tiny copies of published sets in their authors' layouts, and sets of torchvision."""

import logging
import struct
from pathlib import Path

import numpy as np
import official_trees
import pytest
from official_trees import photograph

from lifelong.data.sources import read_source
from lifelong.data.splits import TEST, TRAIN, VALIDATION
from lifelong.plan.config import check
from lifelong.plan.errors import ConfigError, DataError

LOG = logging.getLogger("toy")


def read(source, root, **changes):
    settings = {"image_size": 8, "channels": 3, "download": False, "validation": 0.5, "test": 0.25}
    return read_source({**settings, "seed": 0, "source": source, "root": str(root), **changes}, LOG)


def shades(raw) -> list[float]:
    return [float(image.mean()) for image in np.asarray(raw.images)]


@pytest.fixture
def cubs(tmp_path):
    official_trees.cubs(tmp_path)
    return tmp_path


def test_birds_are_cut_out_of_their_photographs(cubs):
    raw = read("cubs_cropped", cubs)
    assert raw.classes == ("001.Bird_0", "002.Bird_1")
    assert raw.labels.tolist() == [1, 1, 0, 0, 1, 1, 0, 0]
    assert (raw.split == TEST).tolist() == [True] * 3 + [False] * 5
    assert shades(raw) == pytest.approx([20 * n + 60 for n in range(1, 9)], abs=6)


def test_lists_of_birds_that_do_not_fit_are_refused(cubs):
    def refused(match):
        with pytest.raises(DataError, match=match):
            read("cubs_cropped", cubs)

    (cubs / "train_test_split.txt").write_text("1 0\n2 1\n")
    refused("the lists in .* do not fit each other")
    (cubs / "train_test_split.txt").write_text("".join(f"{n} 1\n" for n in range(1, 9)))
    refused("has no test photograph of 2 classes, such as 001.Bird_0")
    (cubs / "classes.txt").write_text("1\n")
    refused("line 1 of .*classes.txt does not have 2 columns")
    (cubs / "classes.txt").unlink()
    refused("there is no file .*classes.txt: check root and source")


def test_cars_are_cut_out_by_the_lists_of_their_devkit(tmp_path):
    official_trees.cars(tmp_path)
    raw = read("stanford_cars_cropped", tmp_path)
    assert raw.classes == ("Ram C-V Van 2012", "Audi TT")
    assert raw.labels.tolist() == [0, 1, 0, 1] * 2
    assert (raw.split[4:] == TEST).all() and (raw.split == VALIDATION).sum() == 2
    assert shades(raw) == pytest.approx([60, 100, 140, 180] * 2, abs=6)
    (tmp_path / "devkit" / "cars_meta.mat").write_bytes(b"no MATLAB")
    with pytest.raises(DataError, match=r"cars_meta\.mat is no MATLAB file"):
        read("stanford_cars_cropped", tmp_path)


def test_flowers_have_a_validation_split_of_their_own(tmp_path):
    official_trees.flowers(tmp_path, [5, 2], [1, 6], [3, 4])
    raw = read("flowers102", tmp_path)
    assert raw.classes == ("1", "2") and raw.labels.tolist() == [0, 1, 0, 1, 0, 1]
    assert raw.split.tolist() == [VALIDATION, TRAIN, TEST, TEST, TRAIN, VALIDATION]
    assert shades(raw) == pytest.approx([40 * n for n in range(1, 7)], abs=4)


def test_imagenet_is_tested_on_its_validation_split(tmp_path):
    official_trees.folders(tmp_path, "val", ("n01440764", "n01443537"), 5, "JPEG")
    raw = read("imagenet", tmp_path)
    assert raw.classes == ("n01440764", "n01443537")
    assert np.bincount(raw.split).tolist() == [2, 4, 4]
    (tmp_path / "val/n01443537").rename(tmp_path / "val/n01443538")
    with pytest.raises(DataError, match="n01443537, n01443538 must be a folder both in"):
        read("imagenet", tmp_path)


def idx(path: Path, values: np.ndarray) -> None:
    """A file in the format of MNIST."""
    path.parent.mkdir(parents=True, exist_ok=True)
    head = struct.pack(">HBB", 0, 8, values.ndim) + struct.pack(f">{values.ndim}I", *values.shape)
    path.write_bytes(head + values.astype(np.uint8).tobytes())


@pytest.fixture
def fashion(tmp_path):
    random = np.random.default_rng(0)
    for part, count in (("train", 12), ("t10k", 4)):
        raw = tmp_path / "FashionMNIST" / "raw"
        idx(raw / f"{part}-images-idx3-ubyte", random.integers(0, 256, (count, 28, 28)))
        idx(raw / f"{part}-labels-idx1-ubyte", np.arange(count) % 2 * 3)
    return tmp_path


def test_idx_files_are_read_by_the_name_of_their_set(fashion):
    raw = read("torchvision", fashion, name="FashionMNIST", image_size=28, channels=1)
    assert raw.classes == ("T-shirt-top", "Dress")
    assert raw.labels.tolist() == [0, 1] * 8
    assert np.bincount(raw.split).tolist() == [6, 6, 4]
    file = (fashion / "FashionMNIST/raw/train-images-idx3-ubyte").read_bytes()
    assert np.asarray(raw.images)[0].tobytes() == file[16 : 16 + 784]


def test_a_set_whose_files_are_not_there_says_how_to_get_them(tmp_path):
    message = f"no whole KMNIST in {tmp_path}: `download: true` fetches most"
    with pytest.raises(DataError, match=message):
        read("torchvision", tmp_path, name="KMNIST")


def test_sets_of_photographs_have_splits_of_their_own(tmp_path):
    """GTSRB has two, of which one is called test; Caltech101 has none."""
    for split, folder in (("train", "Training"), ("test", "Final_Test/Images")):
        for number in range(4):
            place = f"0000{number % 2}" if split == "train" else "."
            photograph(tmp_path / "gtsrb/GTSRB" / folder / place / f"{number:05d}.ppm", 90)
    lines = ["Filename;ClassId", *(f"{n:05d}.ppm;{n % 2}" for n in range(4))]
    (tmp_path / "gtsrb/GT-final_test.csv").write_text("\n".join(lines))
    raw = read("torchvision", tmp_path, name="GTSRB", workers=2)
    assert raw.classes == ("0", "1") and np.bincount(raw.split).tolist() == [2, 2, 4]
    for name in ("ant", "bee", "BACKGROUND_Google"):
        for number in range(1, 9):
            photograph(
                tmp_path / "caltech101/101_ObjectCategories" / name / f"image_{number:04d}.jpg", 90
            )
    (tmp_path / "caltech101/Annotations").mkdir()
    raw = read("torchvision", tmp_path, name="Caltech101")
    assert raw.classes == ("ant", "bee") and np.bincount(raw.split).tolist() == [6, 6, 4]


def test_what_is_no_classification_set_is_refused(tmp_path):
    with pytest.raises(DataError, match=r"torchvision cannot open CocoCaptions so: .*annFile"):
        read("torchvision", tmp_path, name="CocoCaptions")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({}, r"config key datasets\.x\.name: say which set of torchvision"),
        (
            {"name": "FashonMNIST"},
            "torchvision has no set 'FashonMNIST'; did you mean 'FashionMNIST'",
        ),
        ({"name": "os.system"}, "torchvision has no set 'os.system', whose documentation"),
        ({"name": "MNIST", "image_size": None}, r"datasets\.x\.image_size: pictures need one size"),
        ({"name": "MNIST", "options": {"root": "x"}}, r"datasets\.x\.options"),
        ({"source": "imagenet", "name": "MNIST"}, "name: it is for source torchvision alone"),
        (
            {"source": "stl10", "image_size": None, "resize": "exact"},
            "it is for photographs of any size, not STL-10",
        ),
        (
            {"source": "image_folder", "quality": 80},
            "it is of JPEGs: set store: jpeg, or remove it",
        ),
    ],
)
def test_what_cannot_be_read_is_told_before_any_job(changes, message):
    dataset = {"source": "torchvision", "root": "raw", "image_size": 28, **changes}
    config = {
        "experiment": "e",
        "datasets": {"x": dataset},
        "tasks": [{"name": "a", "classes": ["0", "1"]}],
    }
    with pytest.raises(ConfigError, match=message):
        check(config)
