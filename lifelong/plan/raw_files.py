"""Which raw files there are, by name, size and time: a folder that changed is packed again.

Nothing is read but the folders themselves, unless times alone have changed, as those of a copy do.
Then the files are read once, to see whether they still hold what they held.
"""

import contextlib
import hashlib
import json
import logging
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lifelong.plan import file_digests
from lifelong.plan.errors import ConfigError
from lifelong.plan.paths import ROOT
from lifelong.plan.sources import SOURCES

_READ_BEFORE = Path(".snakemake/lifelong/raw_files")
_log = logging.getLogger(__name__)


def raw_files(dataset: Mapping[str, Any], manifest: Path) -> dict[str, str]:
    """A digest of what lies below `root`, and of files of pairs and folds, as "files".

    {} if they are not watched. See `files_digest`.
    """
    return files_digest(given_files(dataset), manifest) if _is_watched(dataset) else {}


def given_files(dataset: Mapping[str, Any]) -> list[str]:
    """The files and folders that a data set is made of."""
    return [dataset[key] for key in ("root", "pairs", "folds") if dataset.get(key)]


def check_apart(datasets: Mapping[str, Mapping[str, Any]], root: str = ROOT) -> None:
    """Raise ConfigError where results below `root` would lie among images that are watched."""
    for name, dataset in datasets.items():
        if _is_watched(dataset) and dataset["root"] and holds(dataset["root"], root):
            raise ConfigError(
                f"config key datasets.{name}.root: results would lie among the images of "
                f"{dataset['root']}: run in a folder beside or above it, and name it as seen from "
                "there"
            )


def holds(folder: str | Path, path: str | Path) -> bool:
    """Whether a path lies in a folder, or is that folder."""
    try:
        return Path(path).resolve().is_relative_to(Path(folder).expanduser().resolve())
    except (OSError, RuntimeError, ValueError):  # no folder: who reads it says so
        return False


def files_digest(given: Sequence[str], manifest: Path) -> dict[str, str]:
    """A digest of names, sizes and times of the files and folders `given`, as "files".

    Files that are gone, or that have other times but hold the same, change nothing that was made of
    them: then the digest is the one in the stage's `manifest`.
    """
    places = list(map(_place, given))
    made = _made(manifest)
    before = _digest_before(made)
    if not all(map(_is_there, places)):
        return {"files": before} if before else {}
    now = file_digests.dated(places)
    same = before is not None and (before == now or _are_known(places, now, made))
    return {"files": before if before and same else now}


class Knowing:
    """Raw files while a stage reads them, so that a copy of them can be known again.

    `files` is what the stage's spec says of them; where that is nothing they are not watched.
    """

    def __init__(self, given: Sequence[str], files: str | None) -> None:
        self._places = list(map(_place, given)) if files else []
        self._before = file_digests.dated(self._places)

    def facts(self) -> dict[str, dict[str, str]]:
        """What the stage's manifest says of them, "raw_files"; reads every byte.

        {} where they have changed since, or may not be read.
        """
        if not self._places:
            return {}
        _log.info("reading the raw files once more, to know them again if they are copied")
        try:
            sizes, held = file_digests.sized(self._places), file_digests.contents(self._places)
            now = file_digests.dated(self._places)
        except (OSError, ConfigError):  # of a file that the stage has no need of
            return {}
        facts = {"dated": now, "sizes": sizes, "contents": held}
        return {"raw_files": facts} if now == self._before else {}


def _is_watched(dataset: Mapping[str, Any]) -> bool:
    watched = SOURCES[dataset["source"]].has_root and dataset.get("watch", True)
    return bool(watched and not dataset.get("download"))


def _are_known(places: Sequence[Path], now: str, made: Mapping[str, Any]) -> bool:
    """Whether files whose times have the digest `now` hold what a stage has read."""
    outcome = made.get("outcome")
    known = outcome.get("raw_files") if isinstance(outcome, dict) else None
    if not isinstance(known, dict):
        return False
    if known.get("dated") == now:  # as they were when they were read, though known before that
        return True
    try:
        same_sizes = known.get("sizes") == file_digests.sized(places)
        return same_sizes and known.get("contents") == _held(places, now)
    except OSError:  # the stage says so
        return False


def _held(places: Sequence[Path], now: str) -> str:
    """The digest of what files hold; read once for each digest of their times."""
    where = hashlib.blake2b(repr([str(place.resolve()) for place in places]).encode())
    note = _READ_BEFORE / f"{where.hexdigest()[:16]}-{now}"
    with contextlib.suppress(OSError, ValueError):
        told = note.read_text()
        if len(told) == len(now):  # a full disk may have left less
            return told
    _log.warning(
        "times in %s have changed: looking whether the files have", ", ".join(map(str, places))
    )
    held = file_digests.contents(places)
    if file_digests.dated(places) == now:
        with contextlib.suppress(OSError):  # then they are read again next time
            note.parent.mkdir(parents=True, exist_ok=True)
            unfinished = note.with_name(f"{note.name}.{os.getpid()}")
            unfinished.write_text(held)
            unfinished.replace(note)
    return held


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
