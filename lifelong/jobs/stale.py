"""Results that another configuration made, or that lack files, are made again by Snakemake.

They look old to it, so that it runs them again. What is as planned, and was made from the very
bytes that its inputs hold, never looks older than these: so a copy without the times is finished.

Snakemake remembers how it made a file only in `.snakemake`, which stays behind when results move to
another machine; manifests remember for ever. Reads JSON alone, so that the Snakefile can ask, and
other files only where times are in doubt.
"""

import contextlib
import os
import time
from collections.abc import Iterable, Mapping
from graphlib import TopologicalSorter
from pathlib import Path

from lifelong.jobs.find import finished, survey
from lifelong.plan.ages import AGED_BEFORE_NS, SHIFT_NS, is_aged
from lifelong.plan.errors import UserError
from lifelong.plan.plan import Plan

_SEALED = (".h5", ".json", ".csv", ".html", ".svg")  # the ends of the files that rules declare
_ANCHOR = Path(".snakemake/lifelong/anchor")


def mark(plan: Plan) -> list[str]:
    """Make outdated stages look older than their inputs, and what is as planned its true age again.

    So Snakemake runs outdated stages, by times alone, and what depends on them. No content changes.
    Returns files that are gone and that it has to be asked for, because it does not miss an input
    of what is done.
    """
    seen = survey(plan)
    wrong = {stage.folder for stage in seen.outdated if stage.planned}
    for folder in finished(Path(plan.paths.base)):
        for path in _sealed(folder):
            facts = path.stat()
            aged = is_aged(facts)  # rungs may be while the rest of their folder has been made again
            if aged != (folder in wrong):
                shift = SHIFT_NS if aged else -SHIFT_NS
                os.utime(path, ns=(facts.st_atime_ns, facts.st_mtime_ns + shift))
    _order(seen.sound)
    return seen.lost


def _order(sound: Mapping[str, Mapping[str, str]]) -> None:
    """Make stages no older than inputs that hold what they were made from, whatever copied them."""
    before = {
        folder: {path.rpartition("/")[0] for path in made_from} & sound.keys()
        for folder, made_from in sound.items()
    }
    for folder in TopologicalSorter(before).static_order():
        files = [path for path in Path(folder).iterdir() if path.is_file()]  # a benchmark counts
        times = {path: _time(path) for path in map(Path, sound[folder]) if path.exists()}
        oldest, newest = min(map(_time, files)), max(times.values(), default=0)
        newer = [path for path, made in times.items() if made > oldest]
        in_future = newest > time.time_ns()  # which is for clocks.py to mend
        if newer and not in_future and _as_read(newer, sound[folder]):
            with contextlib.suppress(OSError):  # another user's: they run again
                for path in files:
                    if _time(path) < newest:
                        os.utime(path, ns=(path.stat().st_atime_ns, newest))


def _as_read(paths: Iterable[Path], digests: Mapping[str, str]) -> bool:
    """Whether files still are what a stage read."""
    from lifelong.store.files import digest_once  # h5py, which is seldom needed here

    try:
        return all(digest_once(path) == digests[path.as_posix()] for path in paths)
    except UserError:  # cannot be read: the stage says so
        return False


def _time(path: Path) -> int:
    return path.stat().st_mtime_ns


def _sealed(folder: Path) -> list[Path]:
    return [path for path in folder.iterdir() if path.name.endswith(_SEALED)]


def anchor() -> str:
    """A file older than any result and younger than any outdated one, for stages without inputs."""
    _ANCHOR.parent.mkdir(parents=True, exist_ok=True)
    if not _ANCHOR.exists() or _ANCHOR.stat().st_mtime != AGED_BEFORE_NS // 10**9:
        _ANCHOR.touch()
        os.utime(_ANCHOR, ns=(AGED_BEFORE_NS, AGED_BEFORE_NS))
    return _ANCHOR.as_posix()
