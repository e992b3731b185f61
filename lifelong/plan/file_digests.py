"""Digests of the files below a folder: of their times, of their sizes, of what they hold.

Two trees have one digest if they have the same visible files by name, wherever they lie.
"""

import hashlib
import os
import stat
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from lifelong.plan.errors import ConfigError
from lifelong.plan.trees import is_visible


def dated(places: Sequence[Path]) -> str:
    """Of names, sizes and times. Raises ConfigError where a folder may not be read."""
    return _digest(f"{one.name}\0{one.state}\n" for one in _files(places))


def sized(places: Sequence[Path]) -> str:
    """Of names and sizes."""
    return _digest(f"{one.name}\0{one.size}\n" for one in _files(places))


def contents(places: Sequence[Path]) -> str:
    """Of names and bytes, all of which are read. Raises OSError where they may not be."""
    return _digest(f"{one.name}\0{one.read()}\n" for one in _files(places))


@dataclass(frozen=True)
class _File:
    """A file with its name below its place; `facts` is None for a link that leads nowhere."""

    name: str
    path: Path
    facts: os.stat_result | None

    @property
    def size(self) -> str:
        return str(self.facts.st_size) if self.facts else ""

    @property
    def state(self) -> str:
        return f"{self.facts.st_size}\0{self.facts.st_mtime_ns}" if self.facts else ""

    def read(self) -> str:
        """The digest of its bytes; a pipe or a device has none."""
        if self.facts is None or not stat.S_ISREG(self.facts.st_mode):
            return ""
        with self.path.open("rb") as file:
            return hashlib.file_digest(file, "blake2b").hexdigest()


def _digest(lines: Iterable[str]) -> str:
    digest = hashlib.blake2b(digest_size=16)
    for line in lines:
        digest.update(line.encode("utf-8", "surrogateescape"))
    return digest.hexdigest()


def _files(places: Iterable[Path]) -> Iterator[_File]:
    """The visible files of each place, sorted, whatever the order in which folders list theirs."""
    for place in places:
        yield from sorted(_below(place), key=lambda one: one.name)


def _below(place: Path) -> Iterator[_File]:
    if place.is_file():
        yield _file(place.name, place)
        return
    for folder, below, names in os.walk(place, followlinks=True, onerror=_unreadable):
        below[:] = [name for name in below if is_visible(name)]
        for name in names:
            if is_visible(name):
                path = Path(folder, name)
                yield _file(path.relative_to(place).as_posix(), path)


def _file(name: str, path: Path) -> _File:
    try:
        return _File(name, path, path.stat())
    except OSError:  # which the stage names if it needs the file
        return _File(name, path, None)


def _unreadable(error: OSError) -> None:
    raise ConfigError(f"cannot read the folder {error.filename}: {error.strerror}") from error
