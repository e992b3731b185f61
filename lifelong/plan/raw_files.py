"""Which raw files there are, by name, size and time: a folder that changed is packed again.

Nothing is read but the folders themselves.
"""

import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from lifelong.plan.errors import ConfigError
from lifelong.plan.sources import SOURCES


def raw_files(dataset: Mapping[str, Any], manifest: Path) -> dict[str, str]:
    """A digest of what lies below `root`, and of files of pairs and folds, as "files".

    {} if they are not watched. Raw files that are gone change nothing that was made of them: then
    the digest is the one in the stage's `manifest`, if that is there.
    """
    watched = SOURCES[dataset["source"]].has_root and dataset.get("watch", True)
    if not watched or dataset.get("download"):
        return {}
    return files_digest(
        [dataset[key] for key in ("root", "pairs", "folds") if dataset.get(key)], manifest
    )


def files_digest(given: Iterable[str], manifest: Path) -> dict[str, str]:
    """The same of files and folders that are `given`."""
    places = [_place(path) for path in given]
    if not all(map(_is_there, places)):
        return _recorded(manifest)
    digest = hashlib.blake2b(digest_size=16)
    for place in places:
        for line in sorted(_lines(place)):
            digest.update(line.encode("utf-8", "surrogateescape"))
    return {"files": digest.hexdigest()}


def _place(path: str) -> Path:
    try:
        return Path(path).expanduser()
    except RuntimeError:  # of a user who is not there: the stage says so
        return Path(path)


def _is_there(place: Path) -> bool:
    try:
        return place.exists()
    except OSError:  # a name that no file can have: the stage says so
        return False


def _lines(place: Path) -> Iterator[str]:
    """One line per visible file, whatever the order in which folders list theirs."""
    if place.is_file():
        yield _line(place.name, place)
        return
    for folder, below, names in os.walk(place, followlinks=True, onerror=_unreadable):
        below[:] = [name for name in below if not name.startswith(".")]
        for name in names:
            if not name.startswith("."):
                path = Path(folder, name)
                yield _line(path.relative_to(place).as_posix(), path)


def _line(name: str, path: Path) -> str:
    try:
        facts = path.stat()
    except OSError:  # a link to nothing, which the stage names
        return f"{name}\0\n"
    return f"{name}\0{facts.st_size}\0{facts.st_mtime_ns}\n"


def _unreadable(error: OSError) -> None:
    raise ConfigError(f"cannot read the folder {error.filename}: {error.strerror}") from error


def _recorded(manifest: Path) -> dict[str, str]:
    try:
        return {"files": json.loads(manifest.read_text())["spec"]["settings"]["files"]}
    except (OSError, ValueError, KeyError, TypeError):
        return {}
