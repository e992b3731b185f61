"""Trees of picture files: which classes there are, and their pictures as one array."""

import logging
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tqdm import tqdm

from lifelong.data.images import SUFFIXES, decode, planes
from lifelong.plan.errors import DataError

_LOG_EVERY_S = 5.0


@dataclass(frozen=True)
class ClassFiles:
    """The pictures of one class, sorted by name; `group` is "" where there are no groups."""

    group: str
    name: str
    train: tuple[Path, ...]
    test: tuple[Path, ...]


def split_then_group(root: Path) -> list[ClassFiles]:
    """List `root/{train,test}/<group>/<class>/*`; raises DataError where the tree is incomplete."""
    train, test = root / "train", root / "test"
    groups = _same_folders(train, test)
    return [
        class_files
        for group in groups
        for class_files in _classes(group, train / group, test / group)
    ]


def group_then_split(root: Path) -> list[ClassFiles]:
    """List `root/<group>/{train,test}/<class>/*`, or `root/{train,test}/<class>/*` without groups.

    Raises DataError where the tree is incomplete.
    """
    if "train" in (names := _folders(root)):
        return _classes("", root / "train", root / "test")
    return [
        class_files
        for group in names
        for class_files in _classes(group, root / group / "train", root / group / "test")
    ]


def domain_then_class(
    root: Path, domains: Sequence[str], classes: Sequence[str]
) -> list[ClassFiles]:
    """List `root/<domain>/<class>/*` in the given order, all of it as `train`.

    Folders are found whatever their capitals and whether they have spaces or underscores; other
    domains are left alone. Raises DataError where a folder is missing or there twice.
    """
    within = _named(root, domains)
    return [
        ClassFiles(domain, name, _pictures(folder), ())
        for domain, place in zip(domains, within, strict=True)
        for name, folder in zip(classes, _named(place, classes), strict=True)
    ]


def _named(parent: Path, names: Sequence[str]) -> list[Path]:
    """The folders of `parent` that have these names, more or less."""
    there: dict[str, list[str]] = {}
    for folder in _folders(parent):
        there.setdefault(_plain(folder), []).append(folder)
    for name in names:
        if _plain(name) not in there:
            raise DataError(f"{parent} holds no folder {name}: unpack the whole archive")
        if len(twice := there[_plain(name)]) > 1:
            raise DataError(f"{parent} holds both {' and '.join(twice)}: keep one of them")
    return [parent / there[_plain(name)][0] for name in names]


def _plain(name: str) -> str:
    return name.casefold().replace(" ", "").replace("_", "")


def load(
    files: list[Path],
    shape: tuple[int, int, int],
    resize: bool,
    log: logging.Logger,
    images: np.ndarray | None = None,
) -> np.ndarray:
    """Decode pictures into uint8 (N, *shape), shape = (channels, H, W) with H = W.

    They are put into `images` where that is given. Raises DataError naming the file: unreadable,
    of another size where `resize` is False, or in colour for one channel.
    """
    images = np.empty((len(files), *shape), dtype=np.uint8) if images is None else images
    channels, height, width = shape
    for row, file in enumerate(_watched(files, log)):
        image = decode(file)
        if not resize and image.size != (width, height):
            size = f"{image.size[0]}x{image.size[1]}"
            raise DataError(f"{file} is {size} and should be {width}x{height}: replace it")
        images[row] = planes(image, height, channels, str(file))
    return images


def _classes(group: str, train: Path, test: Path) -> list[ClassFiles]:
    return [
        ClassFiles(group, name, _pictures(train / name), _pictures(test / name))
        for name in _same_folders(train, test)
    ]


def _same_folders(train: Path, test: Path) -> list[str]:
    names, tested = _folders(train), _folders(test)
    if odd := sorted(set(names) ^ set(tested)):
        raise DataError(f"{', '.join(odd)} must be a folder both in {train} and in {test}")
    return names


def _folders(parent: Path) -> list[str]:
    names = sorted(p.name for p in _visible(parent) if p.is_dir())
    if not names:
        raise DataError(f"{parent} holds no folders, but should hold one per class or group")
    for name in names:  # they become names of classes, which are printed and put into tables
        if not name.isprintable():
            raise DataError(f"the name of folder {parent / name} cannot be printed: rename it")
    return names


def _pictures(folder: Path) -> tuple[Path, ...]:
    files = sorted(_visible(folder), key=lambda path: path.name)
    if not files:
        raise DataError(f"{folder} holds no pictures: add some or remove the class")
    for file in files:
        if not file.is_file() or file.suffix.lower() not in SUFFIXES:
            raise DataError(f"{file} is no picture ({' '.join(SUFFIXES)}): move it elsewhere")
    return tuple(files)


def _visible(folder: Path) -> list[Path]:
    try:
        return [path for path in folder.iterdir() if not path.name.startswith(".")]
    except (FileNotFoundError, NotADirectoryError) as error:
        raise DataError(f"there is no folder {folder}: check root and source") from error
    except (OSError, ValueError) as error:  # ValueError: a zero byte in the name
        why = getattr(error, "strerror", error)
        raise DataError(f"cannot read the folder {folder}: {why}") from error


def _watched(files: list[Path], log: logging.Logger) -> Iterable[Path]:
    return tqdm(files, unit="image") if sys.stderr.isatty() else _logged(files, log)


def _logged(files: list[Path], log: logging.Logger) -> Iterator[Path]:
    due = time.monotonic() + _LOG_EVERY_S
    for done, file in enumerate(files):
        if time.monotonic() >= due:
            log.info("%d of %d images read", done, len(files))
            due = time.monotonic() + _LOG_EVERY_S
        yield file
