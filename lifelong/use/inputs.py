"""The pictures that a command was given: files, and all pictures in folders and below them."""

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from lifelong.plan.trees import SUFFIXES, composed, is_visible


@dataclass(frozen=True)
class Input:
    """A picture file; `folder` names the one it lies in, below a folder that was given.

    `above` are the names of the folders around that one.
    """

    path: Path
    folder: str = ""
    above: frozenset[str] = frozenset()


def inputs(given: Iterable[Path]) -> list[Input]:
    """Files as they were given, and every picture in folders, sorted by path.

    A folder without one stands for itself, so that it is not passed over.
    """
    found: list[Input] = []
    for path in given:
        below = sorted(_below(path)) if path.is_dir() else []
        found += [Input(one) if one.parent == path else _in_folder(one) for one in below]
        if not below:
            found.append(Input(path))
    return found


def _in_folder(path: Path) -> Input:
    *above, folder, _ = map(composed, path.absolute().parts)
    return Input(path, folder, frozenset(above))


def _below(folder: Path) -> Iterator[Path]:
    """Pictures in a folder and its folders, but for hidden ones."""
    for at, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if is_visible(name)]
        for name in names:
            if is_visible(name) and name.lower().endswith(SUFFIXES):
                yield Path(at, name)
