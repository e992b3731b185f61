"""Which raw files there are, by name, size and time: a folder that changed is packed again.

Nothing is read but the folders themselves, unless times alone have changed, as those of a copy do.
Then the files are read once, to see whether they still hold what they held.
"""

import contextlib
import hashlib
import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from lifelong.plan.errors import ConfigError
from lifelong.plan.sources import SOURCES

KNOWN_BY = "raw_files"  # in a manifest: how the files that a stage read can be known again
_READ_BEFORE = Path(".snakemake/lifelong/raw_files")


def raw_files(dataset: Mapping[str, Any], manifest: Path) -> dict[str, str]:
    """A digest of what lies below `root`, and of files of pairs and folds, as "files".

    {} if they are not watched. See `files_digest`.
    """
    watched = SOURCES[dataset["source"]].has_root and dataset.get("watch", True)
    if not watched or dataset.get("download"):
        return {}
    return files_digest(given_files(dataset), manifest)


def given_files(settings: Mapping[str, Any]) -> list[str]:
    """The files and folders that a data set is made of."""
    return [settings[key] for key in ("root", "pairs", "folds") if settings.get(key)]


def files_digest(given: Sequence[str], manifest: Path) -> dict[str, str]:
    """A digest of names, sizes and times of the files and folders `given`, as "files".

    Files that are gone, or that have other times but hold the same, change nothing that was made of
    them: then the digest is the one in the stage's `manifest`.
    """
    places = [_place(path) for path in given]
    made = _made(manifest)
    before = _digest_before(made)
    if not all(map(_is_there, places)):
        return {"files": before} if before else {}
    now = _digest(_all_lines(places, _dated))
    known = _known_by(made)
    if before and before != now and known and _hold_the_same(places, now, known):
        return {"files": before}
    return {"files": now}


def knowable(given: Sequence[str], files: str | None) -> dict[str, dict[str, str]]:
    """What a stage's manifest says of the raw files it has read, to know a copy of them again.

    {} where they are not watched, or no longer those that the digest `files` was taken of. Reads
    every byte.
    """
    places = [_place(path) for path in given]
    if not files or not all(map(_is_there, places)):
        return {}
    facts = {
        "sizes": _digest(_all_lines(places, _sized)),
        "contents": _digest(_all_lines(places, _read)),
    }
    return {KNOWN_BY: facts} if _digest(_all_lines(places, _dated)) == files else {}


def _hold_the_same(places: Sequence[Path], now: str, known: Mapping[str, str]) -> bool:
    """Whether names, sizes and bytes are as `known`; files of a digest are read once."""
    if _digest(_all_lines(places, _sized)) != known["sizes"]:
        return False
    noted = _READ_BEFORE / now
    try:
        return noted.read_text() == known["contents"]
    except (OSError, ValueError):
        pass
    try:
        contents = _digest(_all_lines(places, _read))
    except OSError:  # the stage says so
        return False
    with contextlib.suppress(OSError):  # then they are read again next time
        noted.parent.mkdir(parents=True, exist_ok=True)
        noted.write_text(contents)
    return contents == known["contents"]


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


def _digest(lines: Iterable[str]) -> str:
    digest = hashlib.blake2b(digest_size=16)
    for line in lines:
        digest.update(line.encode("utf-8", "surrogateescape"))
    return digest.hexdigest()


def _all_lines(places: Iterable[Path], line: Callable[[str, Path], str]) -> Iterator[str]:
    """One line per visible file, whatever the order in which folders list theirs."""
    for place in places:
        yield from sorted(line(name, path) for name, path in _files(place))


def _files(place: Path) -> Iterator[tuple[str, Path]]:
    """Every visible file with its name below `place`."""
    if place.is_file():
        yield place.name, place
        return
    for folder, below, names in os.walk(place, followlinks=True, onerror=_unreadable):
        below[:] = [name for name in below if not name.startswith(".")]
        for name in names:
            if not name.startswith("."):
                path = Path(folder, name)
                yield path.relative_to(place).as_posix(), path


def _dated(name: str, path: Path) -> str:
    try:
        facts = path.stat()
    except OSError:  # a link to nothing, which the stage names
        return f"{name}\0\n"
    return f"{name}\0{facts.st_size}\0{facts.st_mtime_ns}\n"


def _sized(name: str, path: Path) -> str:
    return f"{name}\0{path.stat().st_size if path.exists() else ''}\n"


def _read(name: str, path: Path) -> str:
    if not path.exists():
        return f"{name}\0\n"
    with path.open("rb") as file:
        return f"{name}\0{hashlib.file_digest(file, 'blake2b').hexdigest()}\n"


def _unreadable(error: OSError) -> None:
    raise ConfigError(f"cannot read the folder {error.filename}: {error.strerror}") from error


def _made(manifest: Path) -> dict[str, Any]:
    try:
        made = json.loads(manifest.read_text())
    except (OSError, ValueError):
        return {}
    return made if isinstance(made, dict) else {}


def _digest_before(made: Mapping[str, Any]) -> str | None:
    """The digest in the spec of the stage that wrote a manifest."""
    spec = made.get("spec")
    for within in ("settings", "files"):  # of a data set, of pretrained weights
        with contextlib.suppress(KeyError, TypeError):
            return str(spec[within]["files"])  # type: ignore[index]
    return None


def _known_by(made: Mapping[str, Any]) -> Mapping[str, str] | None:
    outcome = made.get("outcome")
    known = outcome.get(KNOWN_BY) if isinstance(outcome, dict) else None
    return known if isinstance(known, dict) and {"sizes", "contents"} <= known.keys() else None
