"""A tree of picture files, `root/<group>/<split>/<class>/*`, by the names of its folders alone.

Groups, splits or both may be absent. No picture is looked at, so that a misspelt task can be told
before anything runs.
"""

import os
import unicodedata
from pathlib import Path

# Of pictures, in small letters.
SUFFIXES = (".jpg", ".jpeg", ".jfif", ".png", ".bmp", ".webp", ".pgm", ".ppm", ".tif", ".tiff")
VALIDATION = ("val", "valid", "validation")
# What Windows, macOS's archives and network disks leave among pictures, in small letters.
_LITTER = ("thumbs.db", "ehthumbs.db", "desktop.ini", "__macosx", "@eadir")


def is_visible(name: str) -> bool:
    """Whether a file or folder of this name is one of the user's: neither hidden nor litter."""
    return not name.startswith(".") and name.lower() not in _LITTER


def classes_by_group(root: str) -> dict[str, tuple[str, ...]] | None:
    """The classes of each group, or of "" where there are no groups.

    None where the tree cannot be read or has another shape: the stage that packs it says what is
    wrong, and results may be older than a tree that is gone.
    """
    try:
        place = Path(root).expanduser()
        names = folders_in(place)
        if not names:
            return None
        if "train" in names:
            return {"": _composed(folders_in(place / "train"))}
        if {"test", *VALIDATION} & set(names):
            return None
        if not folders_in(place / names[0]):
            return {"": _composed(names)}
        groups = [name for name in names if folders_in(place / name)]
        return {composed(name): _composed(_classes(place / name)) for name in groups}
    except (OSError, RuntimeError, ValueError):
        return None


def _classes(group: Path) -> tuple[str, ...]:
    names = folders_in(group)
    return folders_in(group / "train") if "train" in names else names


def _composed(names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(map(composed, names))


def composed(name: str) -> str:
    """A name in the form that configurations have: macOS writes é as e and an accent (NFD)."""
    return unicodedata.normalize("NFC", name)


def folders_in(parent: Path) -> tuple[str, ...]:
    """The visible folders of a folder, sorted.

    Raises OSError where it cannot be read, ValueError for a name that cannot be printed.
    """
    with os.scandir(parent) as entries:
        names = [one.name for one in entries if is_visible(one.name) and one.is_dir()]
    if not all(map(str.isprintable, names)):
        raise ValueError(f"a folder in {parent} has a name that cannot be printed")
    return tuple(sorted(names))
