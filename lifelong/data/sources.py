"""Where images come from: one function per source, settings in, `RawSet` out.

Settings are those of a data set in the configuration: `source`, `root`, `image_size`, `channels`
(1 or 3), `download`, `validation` and `test` (shares in [0, 1)), `seed`, `groups`, those to pack
where it is not all, and `workers`, how many threads may decode.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from lifelong import store
from lifelong.data import folders
from lifelong.data.images import Framing, planes
from lifelong.data.photographs import PhotographFiles, Photographs, Pictures
from lifelong.data.splits import (
    SPLITS,
    TEST,
    TRAIN,
    UNUSED,
    VALIDATION,
    assign,
    completed,
    stratified,
    tenths,
)
from lifelong.data.stl10 import read_stl10
from lifelong.plan.class_names import GROUP_OF, OFFICE_HOME, OFFICE_HOME_DOMAINS, STL10
from lifelong.plan.code import load
from lifelong.plan.errors import DataError
from lifelong.plan.photographs import quality_of
from lifelong.plan.sources import SOURCES

Settings = Mapping[str, Any]
_CIFAR_SIZE = 32


@dataclass(frozen=True)
class RawSet:
    """A data set: images uint8 (N, C, H, W), labels int32 (N,), split uint8 (N,).

    Pictures of files are read while they are packed. Labels count `classes`, identities
    "<group>/<class>" or "<class>"; `groups` has one per class, "" where the set has no groups.
    `pairs` int64 (P, 4), where images are to be compared: the rows of two images, whether they show
    the same, and a fold; or (P, 6), then also the label of an expression that is asked for, and
    whether the first image shows it. `left_out`: how many pictures are no part of it, by reason.
    """

    images: np.ndarray | Photographs
    labels: np.ndarray
    split: np.ndarray
    classes: tuple[str, ...]
    groups: tuple[str, ...]
    pairs: np.ndarray | None = None
    left_out: Mapping[str, int] = field(default_factory=dict)


def read_source(settings: Settings, log: logging.Logger) -> RawSet:
    """The data set the settings describe; raises DataError where it cannot be read whole."""
    if settings["source"] not in SOURCES:
        raise DataError(f"source {settings['source']} is none of {', '.join(SOURCES)}")
    raw: RawSet = load(SOURCES[settings["source"]].reader)(settings, log)
    return raw


def digits(settings: Settings, log: logging.Logger) -> RawSet:
    """scikit-learn's 1797 handwritten digits, 8x8 grey; the test split is cut here."""
    from sklearn.datasets import load_digits

    raw = load_digits()
    grey = np.rint(raw.images * (255 / 16)).astype(np.uint8)
    size, channels = settings["image_size"], settings["channels"]
    images = np.stack([planes(Image.fromarray(image), size, channels, "digits") for image in grey])
    classes = tuple(str(name) for name in raw.target_names)
    labels = raw.target.astype(np.int32)
    tested = stratified(labels, settings["test"], settings["seed"], classes)
    return _raw_set(images, labels, tested, [("", name) for name in classes], settings)


def cifar100(settings: Settings, log: logging.Logger) -> RawSet:
    """CIFAR-100 from its authors' archive; groups are the 20 superclasses (Krizhevsky, 2009).

    torchvision checks the archive's MD5 before it opens it.
    """
    _check_cifar(settings)
    if settings["channels"] != 3:
        raise DataError("cifar100 is in colour: set channels to 3")
    root = root_of(settings)
    train, test = (_cifar_archive(root, train, settings["download"]) for train in (True, False))
    names = sorted((GROUP_OF[name], name) for name in train.classes)
    order = {name: label for label, (_, name) in enumerate(names)}
    renumber = np.array([order[name] for name in train.classes], dtype=np.int32)
    images = np.concatenate([train.data, test.data]).transpose(0, 3, 1, 2)
    labels = renumber[np.concatenate([train.targets, test.targets])]
    tested = np.arange(len(labels)) >= len(train.targets)
    return _raw_set(np.ascontiguousarray(images), labels, tested, names, settings)


def cifar100_folders(settings: Settings, log: logging.Logger) -> RawSet:
    """CIFAR-100 as pictures in `root/{train,test}/<superclass>/<class>/`."""
    _check_cifar(settings)
    class_files = folders.split_then_group(root_of(settings))
    return _from_files(class_files, _CIFAR_SIZE, settings, log, "never")


def office_home(settings: Settings, log: logging.Logger) -> RawSet:
    """Office-Home's photographs in `root/{Product,Real World}/<class>/`, resized.

    Every picture has one split for all tasks that ever show it; those that the rounding of shares
    leaves over are in none and are not packed. Pillow's bicubic filter widens as it shrinks a
    picture, which keeps it from aliasing as the Gaussian before LASEM's resizing does.
    """
    if settings["image_size"] is None:
        raise DataError("source office_home needs image_size, the side in pixels: set it")
    class_files = folders.domain_then_class(root_of(settings), OFFICE_HOME_DOMAINS, OFFICE_HOME)
    class_files = [one for one in class_files if _wanted(one.group, settings)]
    classes = tuple(f"{one.group}/{one.name}" for one in class_files)
    files = [file for one in class_files for file in one.train]
    labels = np.repeat(
        np.arange(len(class_files), dtype=np.int32), [len(one.train) for one in class_files]
    )
    split = tenths(labels, settings["seed"], classes)
    kept = np.flatnonzero(split != UNUSED)
    images = photographs(
        PhotographFiles([files[row] for row in kept]), settings["image_size"], settings, log
    )
    rows = usable_rows(images, labels[kept], split[kept], classes, settings, log)
    groups = tuple(one.group for one in class_files)
    unread, kept = left_out(images, rows), kept[rows]
    return RawSet(images.of(rows), labels[kept], split[kept], classes, groups, None, unread)


def stl10(settings: Settings, log: logging.Logger) -> RawSet:
    """STL-10's labelled images from `root/stl10_binary`, 96 x 96 (Coates et al., 2011)."""
    images, labels, tested = read_stl10(root_of(settings), settings["download"])
    if settings["channels"] != 3:
        raise DataError("stl10 is in colour: set channels to 3")
    return _raw_set(images, labels, tested, [("", name) for name in STL10], settings)


def image_folder(settings: Settings, log: logging.Logger) -> RawSet:
    """Pictures in `root/<group>/{train,val,test}/<class>/`, or without groups, splits or both.

    A test or validation split that is not there is cut, class by class, with the data set's `seed`:
    the share `test` of all, then the share `validation` of what is left. All become squares.
    """
    if settings["image_size"] is None:
        raise DataError("source image_folder needs image_size, the side in pixels: set it")
    classes = folders.group_then_split(root_of(settings), log)
    return _from_files(classes, settings["image_size"], settings, log)


def _from_files(
    classes: list[folders.ClassFiles],
    side: int,
    settings: Settings,
    log: logging.Logger,
    resize: str = "exact",
) -> RawSet:
    classes = [one for one in classes if _wanted(one.group, settings)]
    files = [file for one in classes for file in (*one.train, *one.validation, *one.test)]
    counts = [[len(one.train), len(one.validation), len(one.test)] for one in classes]
    labels = np.repeat(np.arange(len(classes), dtype=np.int32), [sum(count) for count in counts])
    given = np.concatenate(
        [np.repeat([TRAIN, VALIDATION, TEST], count) for count in counts]
    ).astype(np.uint8)
    names = tuple(f"{one.group}/{one.name}" if one.group else one.name for one in classes)
    images = photographs(PhotographFiles(files), side, settings, log, resize)
    rows = usable_rows(images, labels, given, names, settings, log)
    split = completed(labels[rows], given[rows], settings, names, log)
    groups = tuple(one.group for one in classes)
    return RawSet(images.of(rows), labels[rows], split, names, groups, None, left_out(images, rows))


def photographs(
    pictures: Pictures, side: int, settings: Settings, log: logging.Logger, resize: str = "exact"
) -> Photographs:
    """Pictures as the settings want them framed."""
    how = settings.get("resize", resize), quality_of(settings)
    framing = Framing(side, settings["channels"], *how)
    return Photographs(pictures, framing, settings.get("workers", 1), log=log)


def usable_rows(
    images: Photographs,
    labels: np.ndarray,
    given: np.ndarray,
    names: Sequence[str],
    settings: Settings,
    log: logging.Logger,
) -> np.ndarray:
    """The rows to pack: all, but `bad_images: skip` looks first which pictures can be used.

    Raises DataError where none is left of a class, or of one of its splits in `given`.
    """
    every = np.arange(len(labels))
    if settings.get("bad_images") != "skip":
        return every
    bad = images.unusable()
    for why in bad.values():
        log.warning("left out: %s", why)
    rows = np.setdiff1d(every, list(bad))
    for row in bad:
        alike = (labels[rows] == labels[row]) & (given[rows] == given[row])
        if not alike.any():
            raise DataError(
                f"class {names[labels[row]]} has no usable picture left in the "
                f"{SPLITS[given[row]]} split: mend {images.name(row)}"
            )
    return rows


def left_out(images: Photographs, rows: np.ndarray) -> dict[str, int]:
    """What a manifest says of pictures that are not packed."""
    count = len(images) - len(rows)
    return {"unreadable": count} if count else {}


def _raw_set(
    images: np.ndarray,
    labels: np.ndarray,
    tested: np.ndarray,
    names: list[tuple[str, str]],
    settings: Settings,
) -> RawSet:
    wanted = [label for label, (group, _) in enumerate(names) if _wanted(group, settings)]
    if len(wanted) < len(names):
        kept = np.isin(labels, wanted)
        images, tested = images[kept], tested[kept]
        labels = np.searchsorted(wanted, labels[kept]).astype(np.int32)
        names = [names[label] for label in wanted]
    classes = tuple(f"{group}/{name}" if group else name for group, name in names)
    groups = tuple(group for group, _ in names)
    split = assign(labels, tested, settings["validation"], settings["seed"], classes)
    return RawSet(images, labels, split, classes, groups)


def _wanted(group: str, settings: Settings) -> bool:
    return group in settings.get("groups", (group,))


def root_of(settings: Settings) -> Path:
    """The folder of the raw files. Raises DataError where nobody says, or can say, where it is."""
    if settings["root"] is None:
        raise DataError(f"source {settings['source']} needs root, the folder of its files: set it")
    try:
        return Path(settings["root"]).expanduser()
    except RuntimeError as error:
        raise DataError(f"root {settings['root']} begins with ~ and nobody's name") from error


def _check_cifar(settings: Settings) -> None:
    if settings["image_size"] not in (None, _CIFAR_SIZE):
        raise DataError(f"CIFAR-100 is {_CIFAR_SIZE} pixels wide: remove image_size")


def _cifar_archive(root: Path, train: bool, download: bool) -> Any:
    from torchvision.datasets import CIFAR100

    try:
        return CIFAR100(str(root), train=train, download=download)
    except (RuntimeError, OSError) as error:
        if not download and store.refusal(error) is not None:
            raise DataError(f"cannot read {root}: {error}") from error
        hint = "fetching it failed" if download else "`download: true` fetches it"
        raise DataError(
            f"no whole CIFAR-100 archive in {root / CIFAR100.base_folder}: {hint} ({error})"
        ) from error
