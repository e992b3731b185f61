import logging
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lifelong.data import photographs
from lifelong.data.sources import read_source
from lifelong.data.splits import TEST, TRAIN, VALIDATION
from lifelong.plan.class_names import GROUP_OF, SUPERCLASSES
from lifelong.plan.config import check
from lifelong.plan.errors import DataError

LOG = logging.getLogger(__name__)
REAL = os.environ.get("LIFELONG_DATA")


def settings(source, root=None, **changes):
    base = {"image_size": None, "channels": 3, "download": False, "validation": 0.5, "test": 0.25}
    return {**base, "seed": 0, "source": source, "root": root and str(root), **changes}


def read(source, root=None, **changes):
    raw = read_source(settings(source, root, **changes), LOG)
    return replace(raw, images=np.asarray(raw.images))


def png(path: Path, value=0, size=32):
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.zeros((size, size, 3), np.uint8)
    pixels[..., 0] = value
    Image.fromarray(pixels).save(path)


@pytest.fixture
def groups(tmp_path):
    """<root>/<group>/{train,test}/<class>/: 2 training images and 1 test image per class."""
    for g, group in enumerate(("wet", "dry")):
        for c, name in enumerate(("b", "a")):
            for i in range(2):
                png(tmp_path / group / "train" / name / f"{i}.png", 100 * g + 10 * c + i)
            png(tmp_path / group / "test" / name / "9.png", 100 * g + 10 * c + 9)
    return tmp_path


def swapped(root: Path) -> Path:
    """The same pictures as <root>/{train,test}/<group>/<class>/."""
    target = root.parent / f"{root.name}-swapped"
    for path in root.rglob("*.png"):
        group, split, name, file = path.relative_to(root).parts
        (target / split / group / name).mkdir(parents=True, exist_ok=True)
        (target / split / group / name / file).write_bytes(path.read_bytes())
    return target


def test_digits_are_all_there():
    raw = read("digits", channels=1, validation=0.2)
    assert raw.images.shape == (1797, 1, 8, 8)
    assert raw.images.max() == 255
    assert raw.classes == tuple("0123456789")
    assert set(raw.groups) == {""}
    # published counts of the ten digits in scikit-learn's set
    assert np.bincount(raw.labels).tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]
    for label in range(10):
        mine = raw.split[raw.labels == label]
        tested = round(len(mine) * 0.25)
        assert (mine == TEST).sum() == tested
        assert (mine == VALIDATION).sum() == round((len(mine) - tested) * 0.2)


def test_digits_are_rounded_to_the_nearest_level_and_resized():
    from sklearn.datasets import load_digits

    first = read("digits", channels=1).images[0, 0]
    assert np.abs(first / 255 - load_digits().images[0] / 16).max() <= 0.5 / 255 + 1e-12
    assert read("digits", image_size=16).images.shape == (1797, 3, 16, 16)


def check_groups(raw):
    assert raw.classes == ("dry/a", "dry/b", "wet/a", "wet/b")
    assert raw.groups == ("dry", "dry", "wet", "wet")
    assert raw.labels.tolist() == [0] * 3 + [1] * 3 + [2] * 3 + [3] * 3
    assert raw.images[:, 0, 0, 0].tolist() == [110, 111, 119, 100, 101, 109, 10, 11, 19, 0, 1, 9]
    assert not raw.images[:, 1:].any()
    for rows in raw.split.reshape(4, 3):
        assert sorted(rows[:2]) == [TRAIN, VALIDATION]
        assert rows[2] == TEST


def test_both_layouts_give_the_same_set(groups):
    check_groups(read("image_folder", groups, image_size=32))
    check_groups(read("cifar100_folders", swapped(groups)))


def test_tree_without_groups(groups):
    raw = read("image_folder", groups / "dry", image_size=4)
    assert raw.classes == ("a", "b")
    assert raw.groups == ("", "")
    assert raw.images.shape == (6, 3, 4, 4)


def test_hidden_files_and_litter_are_ignored(groups):
    for name in (".DS_Store", "Thumbs.db", "desktop.ini"):
        (groups / "dry/train/a" / name).write_text("x")
    (groups / ".cache").mkdir()
    (groups / "__MACOSX/dry/train/a").mkdir(parents=True)
    check_groups(read("image_folder", groups, image_size=32))


def test_a_jpeg_may_be_called_jfif(groups):
    raw = read("image_folder", groups / "dry", image_size=4)
    Image.new("RGB", (4, 4)).save(groups / "dry/train/a/z.jfif", "JPEG")
    assert len(read("image_folder", groups / "dry", image_size=4).images) == len(raw.images) + 1


def test_incomplete_trees_are_refused(groups):
    def refused(match, source="image_folder", root=groups, **changes):
        with pytest.raises(DataError, match=match):
            read(source, root, **{"image_size": 32, **changes})

    refused("needs root", root=None)
    refused("needs image_size", image_size=None)
    refused("no folder .*absent", root=groups / "absent")
    refused("none of digits, cifar100", source="tapes")
    refused("32 pixels wide", source="cifar100_folders", image_size=64)
    refused(r"0\.png is in colour|1\.png is in colour", channels=1)
    (groups / "empty").mkdir()
    refused("holds no folders", root=groups / "empty")
    (groups / "empty").rmdir()
    (groups / "wet/train/notes").mkdir()
    refused("notes must be a folder both in")
    (groups / "wet/test/notes").mkdir()
    refused("wet/train/notes holds no pictures")
    png(groups / "wet/train/notes/1.png")
    refused("wet/test/notes holds no pictures")
    (groups / "wet/test/notes/readme.txt").write_text("x")
    refused(r"readme\.txt is no picture")


def test_pictures_where_nobody_looks_are_refused(groups):
    def refused(match):
        with pytest.raises(DataError, match=match):
            read("image_folder", groups, image_size=32)

    png(groups / "zoo/1.png")
    refused(r"zoo holds pictures, and .*/dry folders of classes: put them into such folders")
    (groups / "zoo/1.png").rename(groups / "1.png")
    png(groups / "wet/c/1.png")
    refused("wet/c lies beside the splits train and test: move it into them, or elsewhere")
    (groups / "wet/c/1.png").unlink()
    check_groups(read("image_folder", groups, image_size=32))  # an empty one is no loss
    for accent in ("caf\u00e9", "cafe\u0301"):
        for split in ("train", "test"):
            png(groups / "wet" / split / accent / "1.png")
    refused("two folders caf\u00e9, whose accents are coded in two ways: put all pictures into one")


def test_a_class_that_is_called_as_a_split_is_refused(tmp_path):
    for name in ("bus", "train"):
        png(tmp_path / "wheels" / name / "1.png")
    with pytest.raises(DataError, match="wheels/train holds pictures, but a split holds a folder"):
        read("image_folder", tmp_path, image_size=32)


def moved(root: Path, *splits: str) -> Path:
    """The pictures of such a tree, where some splits have no folder: all in the class's own."""
    target = root.parent / f"{root.name}-moved"
    for path in root.rglob("*.png"):
        group, split, name, file = path.relative_to(root).parts
        within = [name] if split in splits else [split, name]
        new = target.joinpath(group, *within, f"{split}-{file}")
        new.parent.mkdir(parents=True, exist_ok=True)
        new.write_bytes(path.read_bytes())
    return target


def splits_of(raw) -> list[list[int]]:
    """How many images of each class are for training, validation and test."""
    counts = [np.bincount(raw.split[raw.labels == k], minlength=3) for k in range(len(raw.classes))]
    return [count.tolist() for count in counts]


@pytest.mark.parametrize("name", ["val", "valid", "validation"])
def test_a_validation_folder_is_the_validation_split(groups, name):
    for of in "ab":
        png(groups / "dry" / name / of / "5.png", 50 + ord(of))
    raw = read("image_folder", groups, image_size=32)
    assert splits_of(raw) == [[2, 1, 1], [2, 1, 1], [1, 1, 1], [1, 1, 1]]
    held_out = raw.images[raw.split == VALIDATION][:2, 0, 0, 0]
    assert held_out.tolist() == [50 + ord("a"), 50 + ord("b")]
    (groups / "dry/test-of-mine").mkdir()
    (groups / "dry" / name / "c").mkdir()
    with pytest.raises(DataError, match="c must be a folder both in"):
        read("image_folder", groups, image_size=32)


def test_names_of_folders_are_composed_as_configurations_write_them(tmp_path):
    """macOS writes an accent after its letter."""
    for name, value in (("cafe\u0301", 0), ("the", 100)):
        for split in ("train", "test"):
            for i in range(2):
                png(tmp_path / split / name / f"{i}.png", value + i)
    assert read("image_folder", tmp_path, image_size=32).classes == ("caf\u00e9", "the")
    dataset = {"source": "image_folder", "root": str(tmp_path), "image_size": 32}
    task = {"name": "a", "classes": ["cafe\u0301", "the"]}
    config = check({"experiment": "own", "datasets": {"mine": dataset}, "tasks": [task]})
    assert config["tasks"][0]["classes"] == ["caf\u00e9", "the"]


def test_two_validation_folders_are_one_too_many(groups):
    for name in ("val", "valid"):
        for of in "ab":
            png(groups / "dry" / name / of / "5.png")
    with pytest.raises(DataError, match="dry has both val and valid: keep one of them"):
        read("image_folder", groups, image_size=32)


def test_without_splits_they_are_cut_by_the_seed(groups, caplog):
    tree = moved(groups, "train", "test")
    with caplog.at_level("INFO"):
        raw = read("image_folder", tree, image_size=32, test=0.34)
    assert raw.classes == ("dry/a", "dry/b", "wet/a", "wet/b")
    assert splits_of(raw) == [[1, 1, 1]] * 4
    assert "no test folder for 4 classes: cut 0.34 of them" in caplog.text
    seeds = {read("image_folder", tree, image_size=32, seed=s).split.tobytes() for s in range(9)}
    assert len(seeds) > 1
    again = read("image_folder", tree, image_size=32, test=0.34)
    assert np.array_equal(again.split, raw.split)
    alone = read("image_folder", tree / "dry", image_size=32)
    assert alone.classes == ("a", "b") and set(alone.groups) == {""}


def test_test_images_without_training_images_are_refused(groups):
    with pytest.raises(DataError, match="has a folder test but none called train: add it"):
        read("image_folder", moved(groups, "train"), image_size=32)


def test_a_folder_beside_the_groups_is_left_alone_and_told(groups, caplog):
    (groups / "notes").mkdir()
    (groups / "notes" / "readme.txt").write_text("of the collection")
    with caplog.at_level("INFO"):
        check_groups(read("image_folder", groups, image_size=32))
    assert f"notes in {groups} holds no folders and is left alone" in caplog.text


def test_group_without_test_folder_is_refused(groups):
    for file in (groups / "dry/test").rglob("*.png"):
        file.unlink()
    for folder in ("a", "b", "."):
        (groups / "dry/test" / folder).rmdir()
    with pytest.raises(DataError, match=r"no folder .*dry/test"):
        read("image_folder", groups, image_size=32)


def test_broken_and_odd_pictures_are_named(groups):
    bad = groups / "dry/train/a/1.png"
    bad.write_bytes(bad.read_bytes()[:60])
    with pytest.raises(DataError, match=r"a/1\.png cannot be read"):
        read("image_folder", groups, image_size=32)
    png(bad, size=31)
    with pytest.raises(DataError, match=r"a/1\.png is 31x31 and should be 32x32"):
        read("cifar100_folders", swapped(groups))


def test_one_training_image_cannot_be_split(groups):
    (groups / "wet/train/a/0.png").unlink()
    with pytest.raises(DataError, match="class wet/a has one image"):
        read("image_folder", groups, image_size=32)


def test_slow_reading_is_logged(groups, caplog, monkeypatch):
    monkeypatch.setattr(photographs, "_LOG_EVERY_S", 0.0)
    with caplog.at_level("INFO"):
        read("image_folder", groups, image_size=32)
    assert "11 of 12 images read" in caplog.text


def test_superclasses_are_the_published_ones():
    fine = sorted(GROUP_OF)
    assert len(SUPERCLASSES) == 20
    assert len(fine) == 100
    assert list(SUPERCLASSES) == sorted(SUPERCLASSES)
    assert all(len(names) == 5 and list(names) == sorted(names) for names in SUPERCLASSES.values())
    # class numbers of the archive are alphabetical
    numbers = {name: [fine.index(one) for one in SUPERCLASSES[name]] for name in SUPERCLASSES}
    assert numbers["aquatic_mammals"] == [4, 30, 55, 72, 95]
    assert numbers["medium_mammals"] == [34, 63, 64, 66, 75]
    assert numbers["vehicles_2"] == [41, 69, 81, 85, 89]


def test_cifar_archive_is_renumbered_by_superclass(tmp_path, monkeypatch):
    import torchvision.datasets

    class Archive:
        base_folder = "cifar-100-python"
        classes = sorted(GROUP_OF)

        def __init__(self, root, train, download):
            each = 2 if train else 1
            self.targets = [label for label in range(100) for _ in range(each)]
            self.data = np.zeros((100 * each, 32, 32, 3), np.uint8)
            self.data[..., 1] = np.array(self.targets)[:, None, None]

    monkeypatch.setattr(torchvision.datasets, "CIFAR100", Archive)
    raw = read("cifar100", tmp_path)
    assert raw.images.shape == (300, 3, 32, 32)
    assert raw.classes[:2] == ("aquatic_mammals/beaver", "aquatic_mammals/dolphin")
    assert (raw.split == TEST).sum() == (raw.split == VALIDATION).sum() == 100
    for image, label in zip(raw.images, raw.labels, strict=True):
        group, name = raw.classes[label].split("/")
        assert Archive.classes[image[1, 0, 0]] == name
        assert GROUP_OF[name] == group == raw.groups[label]

    few = read("cifar100", tmp_path, groups=["fish", "aquatic_mammals"])
    assert len(few.images) == 30 and few.classes == raw.classes[:10]
    kept = [raw.groups[label] in ("fish", "aquatic_mammals") for label in raw.labels]
    for ours, all_of_them in ((few.images, raw.images), (few.labels, raw.labels)):
        assert np.array_equal(ours, all_of_them[kept])
    assert np.bincount(few.split).tolist() == [10, 10, 10]


def test_only_the_groups_that_are_wanted_are_read(groups):
    (groups / "dry" / "train" / "a" / "0.png").write_bytes(b"damaged")
    raw = read("image_folder", groups, image_size=32, groups=["wet"])
    assert raw.classes == ("wet/a", "wet/b") and len(raw.images) == 6


def test_missing_cifar_archive_says_where_and_how(tmp_path):
    with pytest.raises(DataError, match=r"cifar-100-python: `download: true` fetches it"):
        read("cifar100", tmp_path)
    with pytest.raises(DataError, match="set channels to 3"):
        read("cifar100", tmp_path, channels=1)


@pytest.mark.skipif(
    not (REAL and (Path(REAL) / "cifar100_org").is_dir()),
    reason="LIFELONG_DATA is not set: it names the folder that holds cifar100_org",
)
def test_two_real_superclasses(tmp_path):
    from lifelong.data.device_split import statistics

    for split in ("train", "test"):
        (tmp_path / split).mkdir()
        for group in ("aquatic_mammals", "fish"):
            (tmp_path / split / group).symlink_to(Path(str(REAL)) / "cifar100_org" / split / group)
    raw = read("cifar100_folders", tmp_path, validation=0.2)
    for name in ("aquatic_mammals", "fish"):
        mine = np.array(raw.groups)[raw.labels] == name
        assert np.bincount(raw.split[mine]).tolist() == [2000, 500, 500]
        names = [one for one in raw.classes if one.startswith(name)]
        assert tuple(one.split("/")[1] for one in names) == SUPERCLASSES[name]
    mammals = raw.images[(raw.labels < 5) & (raw.split != TEST)]
    mean, std = statistics(mammals)
    # as the authors of CPG wrote them down for this superclass
    assert np.round(mean, 4).tolist() == [0.4242, 0.4783, 0.4975]
    assert np.round(std, 4).tolist() == [0.2495, 0.2327, 0.2515]


def test_a_class_without_pictures_is_named_wherever_it_stands(groups):
    classes = groups / "dry/train"
    (classes / "0 empty").mkdir()
    with pytest.raises(DataError, match=r"0 empty holds no pictures: add some or remove the class"):
        read("image_folder", classes, image_size=4)
