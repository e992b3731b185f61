"""What every face data set is turned into, and how its files are looked at."""

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from lifelong.faces.pairs import Pairs
from lifelong.plan.errors import DataError
from lifelong.plan.trees import SUFFIXES, is_visible

MISSING = ("refuse", "skip")
_SHOWN = 3


@dataclass(frozen=True)
class Sample:
    """One photograph: its path below the root, the number of its class, and where it belongs.

    `split` is train, validation or test, or "" where the set has none; `fold` counts from 0, or is
    -1; `identity` is "" where nobody knows the person.
    """

    path: str
    label: int
    split: str = ""
    fold: int = -1
    identity: str = ""


@dataclass(frozen=True)
class FaceSet:
    """A data set: samples, whose labels count `classes`.

    `left_out` counts photographs that are there but have no use, by reason; `absent` lists those
    that a file names and that are not there. `pairs` count the samples.
    """

    root: Path
    classes: tuple[str, ...]
    samples: tuple[Sample, ...]
    left_out: Mapping[str, int] = field(default_factory=dict)
    absent: tuple[str, ...] = ()
    pairs: Pairs | None = None


def folders_of(parent: Path) -> list[str]:
    """The names of the visible folders in a folder, sorted; DataError where there is none."""
    names = sorted(entry.name for entry in _entries(parent) if entry.is_dir())
    if not names:
        raise DataError(f"{parent} holds no folders: check that root is the right one")
    for name in names:  # they become names of classes and people, which are put into tables
        if not name.isprintable():
            raise DataError(f"the name of folder {parent / name} cannot be printed: rename it")
    return names


def pictures_in(folder: Path) -> list[str]:
    """The names of the pictures in a folder, sorted; DataError where there is none, or more."""
    entries = _entries(folder)
    if not entries:
        raise DataError(f"{folder} holds no pictures: add some or remove it")
    for entry in entries:
        if entry.is_dir():
            raise DataError(f"{folder} should hold pictures, not folder {entry.name}: move it")
        if not entry.name.lower().endswith(SUFFIXES):
            raise DataError(f"{entry.path} is no picture ({' '.join(SUFFIXES)}): move it elsewhere")
    return sorted(entry.name for entry in entries)


def pictures_below(root: Path) -> set[str]:
    """Paths of all pictures below a folder, with slashes; thousands of files per second."""
    if not root.is_dir():
        raise DataError(f"there is no folder {root}: check root")
    paths = set()
    for folder, inner, names in os.walk(root):
        inner[:] = filter(is_visible, inner)
        below = Path(folder).relative_to(root).as_posix()
        prefix = "" if below == "." else f"{below}/"
        pictures = [name for name in names if name.lower().endswith(SUFFIXES)]
        paths |= {f"{prefix}{name}" for name in filter(is_visible, pictures)}
    return paths


def lines_of(path: Path) -> list[str]:
    """The lines of a text file without their ends; DataError naming it where it cannot be read."""
    try:
        return path.read_text(encoding="utf-8-sig").rstrip("\n").split("\n")
    except FileNotFoundError as error:
        raise DataError(f"there is no file {path}: check root, or fetch it") from error
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is not UTF-8 text: save it as such") from error
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror}") from error


def check_absent(absent: Iterable[str], root: Path, named_by: Path, missing: str) -> None:
    """Refuse photographs that are not there, unless `missing` is `skip`."""
    if missing not in MISSING:
        raise DataError(f"missing {missing} is none of {', '.join(MISSING)}")
    names = sorted(absent)
    if names and missing == "refuse":
        first = ", ".join(names[:_SHOWN]) + (", ..." if len(names) > _SHOWN else "")
        raise DataError(
            f"{len(names)} of the photographs in {named_by} are not in {root} ({first}): "
            "add them, or set missing to skip"
        )


def whole(text: str) -> int | None:
    """The whole number that a text of at most nine digits is, or None."""
    text = text.strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return [entry for entry in entries if is_visible(entry.name)]
    except (FileNotFoundError, NotADirectoryError) as error:
        raise DataError(f"there is no folder {folder}: check root") from error
    except OSError as error:
        raise DataError(f"cannot read the folder {folder}: {error.strerror}") from error
