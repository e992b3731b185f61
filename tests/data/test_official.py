"""Tiny copies of published sets in their authors' layouts, and sets of torchvision."""

import logging
import struct
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.io import savemat

from lifelong.data.sources import read_source
from lifelong.data.splits import TEST, TRAIN, VALIDATION
from lifelong.plan.config import check
from lifelong.plan.errors import ConfigError, DataError

LOG = logging.getLogger("toy")


def read(source, root, **changes):
    settings = {"image_size": 8, "channels": 3, "download": False, "validation": 0.5, "test": 0.25}
    return read_source({**settings, "seed": 0, "source": source, "root": str(root), **changes}, LOG)


def photograph(path: Path, shade: int, box=(4, 6, 16, 22)) -> None:
    """Grey of a shade inside a box of a black photograph of 20 x 30 pixels (width 20)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.zeros((30, 20, 3), np.uint8)
    left, top, right, bottom = box
    pixels[top:bottom, left:right] = shade
    Image.fromarray(pixels).save(path, quality=95)


def shades(raw) -> list[float]:
    return [float(image.mean()) for image in np.asarray(raw.images)]


@pytest.fixture
def cubs(tmp_path):
    """Two kinds of birds, four photographs of each, three to learn from."""
    lines = {name: [] for name in ("images", "labels", "split", "boxes")}
    for number in range(1, 9):
        kind = (number + 1) // 2 % 2
        path = f"00{kind + 1}.Bird_{kind}/Bird {number}.jpg"
        photograph(tmp_path / "images" / path, 20 * number + 60)
        lines["images"].append(f"{number} {path}")
        lines["labels"].append(f"{number} {kind + 1}")
        lines["split"].append(f"{number} {int(number not in (1, 2, 3))}")
        lines["boxes"].append(f"{number} 4.0 6.0 12.0 16.0")
    names = {"images": "images", "labels": "image_class_labels", "split": "train_test_split"}
    for key, text in lines.items():
        (tmp_path / f"{names.get(key, 'bounding_boxes')}.txt").write_text("\n".join(text) + "\n")
    (tmp_path / "classes.txt").write_text("1 001.Bird_0\n2 002.Bird_1\n")
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
    refused("line 1 of .*classes.txt has not 2 columns")
    (cubs / "classes.txt").unlink()
    refused("there is no file .*classes.txt: check root and source")


def test_cars_are_cut_out_by_the_lists_of_their_devkit(tmp_path):
    (tmp_path / "devkit").mkdir()
    form = [(f"bbox_{edge}", int) for edge in ("x1", "y1", "x2", "y2")]
    form += [("class", int), ("fname", object)]
    for split, place in (
        ("train", "devkit/cars_train_annos"),
        ("test", "cars_test_annos_withlabels"),
    ):
        rows = [(5, 7, 16, 22, 1 + n % 2, f"{n + 1:05d}.jpg") for n in range(4)]
        savemat(tmp_path / f"{place}.mat", {"annotations": np.array(rows, dtype=form)})
        for n in range(4):
            photograph(tmp_path / f"cars_{split}" / f"{n + 1:05d}.jpg", 60 + 40 * n)
    names = np.array(["Ram C/V Van 2012", "Audi TT"], dtype=object)
    savemat(tmp_path / "devkit" / "cars_meta.mat", {"class_names": names})
    raw = read("stanford_cars_cropped", tmp_path)
    assert raw.classes == ("Ram C-V Van 2012", "Audi TT")
    assert raw.labels.tolist() == [0, 1, 0, 1] * 2
    assert (raw.split[4:] == TEST).all() and (raw.split == VALIDATION).sum() == 2
    assert shades(raw) == pytest.approx([60, 100, 140, 180] * 2, abs=6)
    (tmp_path / "devkit" / "cars_meta.mat").write_bytes(b"no MATLAB")
    with pytest.raises(DataError, match=r"cars_meta\.mat is no MATLAB file"):
        read("stanford_cars_cropped", tmp_path)


def test_flowers_have_a_validation_split_of_their_own(tmp_path):
    for number in range(1, 7):
        photograph(tmp_path / "jpg" / f"image_{number:05d}.jpg", 40 * number, (0, 0, 20, 30))
    savemat(tmp_path / "imagelabels.mat", {"labels": [[1, 2, 1, 2, 1, 2]]})
    ids = {"trnid": [[5, 2]], "valid": [[1, 6]], "tstid": [[3, 4]]}
    savemat(tmp_path / "setid.mat", ids)
    raw = read("flowers102", tmp_path)
    assert raw.classes == ("1", "2") and raw.labels.tolist() == [0, 1, 0, 1, 0, 1]
    assert raw.split.tolist() == [VALIDATION, TRAIN, TEST, TEST, TRAIN, VALIDATION]
    assert shades(raw) == pytest.approx([40 * n for n in range(1, 7)], abs=4)


def test_imagenet_is_tested_on_its_validation_split(tmp_path):
    for split, count in (("train", 4), ("val", 1)):
        for name in ("n01440764", "n01443537"):
            for number in range(count):
                photograph(tmp_path / split / name / f"{name}_{number}.JPEG", 90, (0, 0, 20, 30))
    raw = read("imagenet", tmp_path)
    assert raw.classes == ("n01440764", "n01443537")
    assert np.bincount(raw.split).tolist() == [4, 4, 2]
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
