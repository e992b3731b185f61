"""Fine-grained sets and ImageNet in the layouts in which their authors publish them.

Where authors publish a box around what a photograph shows, that is cut out, as for the networks of
PackNet, Piggyback and CPG. Trees of folders that somebody has cut out already are for image_folder.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lifelong.data import folders
from lifelong.data.photographs import Box, PhotographFiles
from lifelong.data.sources import (
    RawSet,
    Settings,
    left_out,
    photographs,
    root_of,
    usable_rows,
)
from lifelong.data.splits import SPLITS, TEST, TRAIN, VALIDATION, completed
from lifelong.plan.errors import DataError


@dataclass(frozen=True)
class _Listed:
    """What a list says of one photograph; classes are numbers that count names."""

    path: Path
    label: int
    split: int
    box: Box | None = None


def cubs_cropped(settings: Settings, log: logging.Logger) -> RawSet:
    """Caltech-UCSD Birds-200-2011: `root/{images,classes}.txt` and so on, `root/images/`.

    Wah et al., 2011: 200 kinds of birds, 5,994 photographs to learn from and 5,794 to test on.
    """
    root = root_of(settings)
    names = dict(_lines(root / "classes.txt", 2))
    classes = dict(_lines(root / "image_class_labels.txt", 2))
    learned = dict(_lines(root / "train_test_split.txt", 2))
    boxes = {one[0]: one[1:] for one in _lines(root / "bounding_boxes.txt", 5)}
    order = {number: label for label, number in enumerate(names)}
    try:
        listed = [
            _Listed(
                root / "images" / path,
                order[classes[number]],
                TRAIN if learned[number] == "1" else TEST,
                _from_size(*map(float, boxes[number])),
            )
            for number, path in _lines(root / "images.txt", 2)
        ]
    except (KeyError, ValueError) as error:
        raise DataError(
            f"the lists in {root} do not fit each other ({error}): unpack them again"
        ) from error
    return _raw_set(listed, list(names.values()), settings, log)


def stanford_cars_cropped(settings: Settings, log: logging.Logger) -> RawSet:
    """Stanford Cars: `root/cars_{train,test}/` and the lists of `root/devkit/`.

    Krause et al., 2013: 196 models, 8,144 photographs to learn from and 8,041 to test on. The test
    labels are the file cars_test_annos_withlabels.mat in either folder.
    """
    root = root_of(settings)
    names = _mat(root / "devkit" / "cars_meta.mat")["class_names"]
    withheld = "cars_test_annos_withlabels.mat"
    tested = root / withheld if (root / withheld).exists() else root / "devkit" / withheld
    listed = []
    for split, folder, file in (
        (TRAIN, "cars_train", root / "devkit" / "cars_train_annos.mat"),
        (TEST, "cars_test", tested),
    ):
        for one in np.atleast_1d(_mat(file)["annotations"]):
            edges = [int(getattr(one, f"bbox_{edge}")) for edge in ("x1", "y1", "x2", "y2")]
            box = edges[0] - 1, edges[1] - 1, edges[2], edges[3]  # MATLAB counts pixels from 1
            label = int(getattr(one, "class")) - 1
            listed.append(_Listed(root / folder / str(one.fname), label, split, box))
    return _raw_set(listed, [str(name) for name in np.atleast_1d(names)], settings, log)


def flowers102(settings: Settings, log: logging.Logger) -> RawSet:
    """Oxford Flowers: `root/jpg/`, `root/imagelabels.mat` and `root/setid.mat`.

    Nilsback and Zisserman, 2008: 102 kinds of flowers, called by their numbers; 1,020 photographs
    to learn from, as many to decide on, and 6,149 to test on.
    """
    root = root_of(settings)
    labels = np.atleast_1d(_mat(root / "imagelabels.mat")["labels"])
    numbers = _mat(root / "setid.mat")
    split_of: dict[int, int] = {}
    for split, key in ((TRAIN, "trnid"), (VALIDATION, "valid"), (TEST, "tstid")):
        split_of |= dict.fromkeys(np.atleast_1d(numbers[key]).tolist(), split)
    if max(split_of) > len(labels):
        raise DataError(f"the lists in {root} do not fit each other: fetch them again")
    listed = [
        _Listed(root / "jpg" / f"image_{number:05d}.jpg", int(labels[number - 1]) - 1, split)
        for number, split in sorted(split_of.items())
    ]
    names = [str(number) for number in range(1, int(labels.max()) + 1)]
    return _raw_set(listed, names, settings, log)


def imagenet(settings: Settings, log: logging.Logger) -> RawSet:
    """ImageNet of 2012: `root/{train,val}/<WordNet number>/`, tested on what it calls val.

    Russakovsky et al., 2015: 1,000 classes, 1,281,167 photographs to learn from, 50,000 to test on.
    """
    root = root_of(settings)
    classes = folders.train_then(root, "val")
    listed = [
        _Listed(path, label, split)
        for label, one in enumerate(classes)
        for split, paths in ((TRAIN, one.train), (TEST, one.test))
        for path in paths
    ]
    return _raw_set(listed, [one.name for one in classes], settings, log)


def _raw_set(
    listed: Sequence[_Listed], names: Sequence[str], settings: Settings, log: logging.Logger
) -> RawSet:
    labels = np.array([one.label for one in listed], dtype=np.int32)
    given = np.array([one.split for one in listed], dtype=np.uint8)
    classes = tuple(name.replace("/", "-") for name in names)  # a slash would make a group
    _check_splits(labels, given, classes, root_of(settings))
    boxes = [one.box for one in listed if one.box is not None]
    files = PhotographFiles([one.path for one in listed], boxes or None)
    images = photographs(files, settings["image_size"], settings, log)
    rows = usable_rows(images, labels, given, classes, settings, log)
    split = completed(labels[rows], given[rows], settings, classes, log)
    unread = left_out(images, rows)
    return RawSet(images.of(rows), labels[rows], split, classes, ("",) * len(classes), None, unread)


def _check_splits(
    labels: np.ndarray, given: np.ndarray, classes: Sequence[str], root: Path
) -> None:
    """Raise DataError where photographs have no class, or a class none to learn from or test on."""
    if len(labels) and not 0 <= labels.min() <= labels.max() < len(classes):
        raise DataError(f"the lists in {root} do not fit each other: unpack them again")
    for split in (TRAIN, TEST):
        lacking = np.setdiff1d(np.arange(len(classes)), labels[given == split])
        if len(lacking):
            raise DataError(
                f"{root} has no {SPLITS[split]} photograph of {len(lacking)} classes, such as "
                f"{classes[lacking[0]]}: unpack it again"
            )


def _from_size(left: float, top: float, width: float, height: float) -> Box:
    return int(left), int(top), int(left + width), int(top + height)


def _lines(path: Path, columns: int) -> list[list[str]]:
    """The columns of a text file, of which the last of two may hold spaces."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise DataError(f"there is no file {path}: check root and source") from error
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"cannot read {path}: {getattr(error, 'strerror', error)}") from error
    lines = [line.split(maxsplit=columns - 1) for line in text.splitlines() if line.strip()]
    for number, line in enumerate(lines, 1):
        if len(line) != columns:
            raise DataError(
                f"line {number} of {path} does not have {columns} columns: unpack it again"
            )
    return lines


def _mat(path: Path) -> dict[str, Any]:
    """A MATLAB file; records are objects with a field per name."""
    from scipy.io import loadmat

    if not path.is_file():
        raise DataError(f"there is no file {path}: check root and source")
    try:
        content: dict[str, Any] = loadmat(path, squeeze_me=True, struct_as_record=False)
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror or error}") from error
    except Exception as error:  # on broken bytes scipy raises many kinds
        raise DataError(f"{path} is no MATLAB file: unpack it again") from error
    return content
