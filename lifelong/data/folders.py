"""Trees of picture files: which classes there are, and which pictures they have."""

import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from lifelong.plan.errors import DataError
from lifelong.plan.trees import SUFFIXES, VALIDATION, composed, is_visible

_LIKE_SPLITS = {"train", "training", "test", "testing", *VALIDATION}  # in whatever letters
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class ClassFiles:
    """The pictures of one class, sorted by name; `group` is "" where there are no groups.

    Without `test` or `validation` pictures of its own these are still to be cut from `train`.
    """

    group: str
    name: str
    train: tuple[Path, ...]
    test: tuple[Path, ...]
    validation: tuple[Path, ...] = ()

    def __post_init__(self) -> None:  # the dataclass is frozen
        for field in ("group", "name"):
            object.__setattr__(self, field, composed(getattr(self, field)))


def split_then_group(root: Path) -> list[ClassFiles]:
    """List `root/{train,test}/<group>/<class>/*`; raises DataError where the tree is incomplete."""
    train, test = root / "train", root / "test"
    groups = _same_folders(train, test)
    return [
        class_files
        for group in groups
        for class_files in _classes(group, train / group, test / group)
    ]


def train_then(root: Path, tested: str) -> list[ClassFiles]:
    """List `root/train/<class>/*` and `root/<tested>/<class>/*`, whatever the latter is called."""
    return _classes("", root / "train", root / tested)


def group_then_split(root: Path, log: logging.Logger = _LOG) -> list[ClassFiles]:
    """List `root/<group>/<split>/<class>/*`, or the same without groups, splits or both.

    The splits of a group are train, test and perhaps val, valid or validation. Folders beside the
    groups that hold neither folders nor pictures are left alone, which the log says. Raises
    DataError where the tree is incomplete, and where pictures lie where nobody would look.
    """
    names = _folders(root)
    if {"train", "test", *VALIDATION} & set(names) or _are_classes(root, names):
        return _group("", root)
    for name in names:
        if name.lower() in _LIKE_SPLITS and _has_folders(root / name):
            raise DataError(
                f"{root / name} looks like a split: call it train, test or val, in small letters"
            )
    groups = [name for name in names if _has_folders(root / name)]
    if ignored := sorted(set(names) - set(groups)):
        log.info("%s in %s holds no folders and is left alone", ", ".join(ignored), root)
    if not groups:
        raise DataError(f"{root} holds no folders of classes: check root and source")
    for name in ignored:
        if _has_pictures(root / name):
            raise DataError(
                f"{root / name} holds pictures, and {root / groups[0]} folders of classes: put "
                "them into such folders, or move them elsewhere"
            )
    return [one for group in groups for one in _group(group, root / group)]


def _group(group: str, place: Path) -> list[ClassFiles]:
    """The classes of one group, whose pictures are in splits or in none."""
    names = _folders(place)
    if "train" not in names:
        if odd := sorted({"test", *VALIDATION} & set(names)):
            raise DataError(f"{place} has a folder {odd[0]} but none called train: add it")
        return [ClassFiles(group, name, _pictures(place / name), ()) for name in names]
    splits = {"train", "test", *VALIDATION}
    if _of_pictures(place / "train"):
        raise DataError(
            f"{place / 'train'} holds pictures, but a split holds a folder per class: give a class "
            "of this name another one"
        )
    beside = [name for name in names if name not in splits]
    if beside := [n for n in beside if _has_pictures(place / n) or _has_folders(place / n)]:
        raise DataError(
            f"{place / beside[0]} lies beside the splits train and test: move it into them, or "
            "elsewhere"
        )
    held_out = [name for name in names if name in VALIDATION]
    if len(held_out) > 1:
        raise DataError(f"{place} has both {' and '.join(held_out)}: keep one of them")
    classes = _same_folders(place / "train", place / "test")
    if held_out:
        _same_folders(place / "train", place / held_out[0])
    return [
        ClassFiles(
            group,
            name,
            _pictures(place / "train" / name),
            _pictures(place / "test" / name),
            _pictures(place / held_out[0] / name) if held_out else (),
        )
        for name in classes
    ]


def _are_classes(root: Path, names: Sequence[str]) -> bool:
    """Whether these folders hold pictures; the first may be empty where none holds folders."""
    places = [root / name for name in names]
    if _of_pictures(places[0]):
        return True
    return not any(map(_has_folders, places)) and any(map(_has_pictures, places))


def _of_pictures(folder: Path) -> bool:
    """Whether a folder holds files and no folders: a class."""
    there = _visible(folder)
    return bool(there) and not any(path.is_dir() for path in there)


def _has_pictures(folder: Path) -> bool:
    return any(path.suffix.lower() in SUFFIXES for path in _visible(folder))


def _has_folders(folder: Path) -> bool:
    return any(path.is_dir() for path in _visible(folder))


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
    same = Counter(map(composed, names))
    if twice := [name for name in names if same[composed(name)] > 1]:
        raise DataError(
            f"{parent} holds two folders {composed(twice[0])}, whose accents are coded in two "
            "ways: put all pictures into one"
        )
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
        return [path for path in folder.iterdir() if is_visible(path.name)]
    except (FileNotFoundError, NotADirectoryError) as error:
        raise DataError(f"there is no folder {folder}: check root and source") from error
    except (OSError, ValueError) as error:  # ValueError: a zero byte in the name
        why = getattr(error, "strerror", error)
        raise DataError(f"cannot read the folder {folder}: {why}") from error
