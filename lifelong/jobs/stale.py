"""Results that another configuration made, or that lack files, are made again by Snakemake.

They look old to it, so that it runs them again. A stage that is as planned, and was made from what
its inputs hold now, never looks older than they do: so a copy without the times is finished.

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

from lifelong.jobs import aside
from lifelong.jobs.find import finished, survey
from lifelong.plan.ages import AGED_BEFORE_NS, SHIFT_NS, is_aged
from lifelong.plan.errors import UserError
from lifelong.plan.plan import Plan

_SEALED = (".h5", ".json", ".csv", ".html", ".svg")  # the ends of the files that rules declare
_ANCHOR = Path(".snakemake/lifelong/anchor")


def mark(plan: Plan, forced: bool = False) -> list[str]:
    """Make outdated stages look older than their inputs, and what is as planned its true age again.

    So Snakemake runs outdated stages, by times alone, and what depends on them. No content changes;
    what may run is set aside, unless somebody `forced` it to run whatever comes out.
    Returns files that are gone and that it has to be asked for, because it does not miss an input
    of what is done.
    """
    seen = survey(plan)
    wrong = {stage.folder for stage in seen.outdated if stage.planned}
    made = finished(Path(plan.paths.base))
    if (wrong or seen.lost) and not forced:
        aside.set_aside(made)
    else:
        for folder in made:
            aside.forget(folder)
    for folder in made:
        for path in _sealed(folder):
            facts = path.stat()
            aged = is_aged(facts)  # rungs may be while the rest of their folder has been made again
            if aged != (folder in wrong):
                _shift(path, facts, SHIFT_NS if aged else -SHIFT_NS)
    _order(seen.sound)
    return seen.lost


def _shift(path: Path, facts: os.stat_result, nanoseconds: int) -> None:
    try:
        os.utime(path, ns=(facts.st_atime_ns, facts.st_mtime_ns + nanoseconds))
    except OSError as error:
        raise UserError(
            f"cannot mark {path} as outdated or not: {error.strerror}: copy the results, or ask "
            "for the rights"
        ) from error


def _order(sound: Mapping[str, Mapping[str, str]]) -> None:
    """Make stages no older than inputs that hold what they were made from, whatever copied them."""
    before = {
        folder: {path.rpartition("/")[0] for path in made_from} & sound.keys()
        for folder, made_from in sound.items()
    }
    for folder in TopologicalSorter(before).static_order():
        with contextlib.suppress(OSError):  # of files that are gone by now: they run again
            _make_younger(_dated(folder), before[folder], sound[folder])


def _make_younger(
    files: Mapping[Path, int], folders: Iterable[str], made_from: Mapping[str, str]
) -> None:
    """Give a stage's `files` the time of its newest input, if one is newer and as it was then.

    What lies beside an input, in one of `folders`, counts as well, though Snakemake looks at inputs
    alone: a manifest tells others which results are the newest.
    """
    inputs = {path: _time(Path(path)) for path in made_from if Path(path).exists()}
    beside = [made for folder in folders for made in _dated(folder).values()]
    oldest, newest = min(files.values()), max([*inputs.values(), *beside], default=0)
    in_future = newest > time.time_ns()  # clocks.py sees to those
    if newest <= oldest or in_future or not all(os.access(path, os.W_OK) for path in files):
        return
    if all(_is_as_read(path, made_from[path]) for path, made in inputs.items() if made > oldest):
        for path, made in files.items():
            if made < newest:
                os.utime(path, ns=(path.stat().st_atime_ns, newest))


def _is_as_read(path: str, digest: str) -> bool:
    """Whether a file still is what a stage read."""
    from lifelong.store.files import digest_once  # h5py, which is seldom needed here

    try:
        return digest_once(Path(path)) == digest
    except UserError:  # cannot be read: the stage says so
        return False


def _dated(folder: str) -> dict[Path, int]:
    """The times of the files that a stage wrote, its benchmark too, which Snakemake looks at."""
    wrote = [path for path in _sealed(Path(folder)) if not path.is_symlink()]
    return {path: _time(path) for path in (*wrote, *Path(folder).glob("benchmark.tsv"))}


def _time(path: Path) -> int:
    return path.stat().st_mtime_ns


def _sealed(folder: Path) -> list[Path]:
    return [path for path in folder.iterdir() if path.name.endswith(_SEALED)]


def anchor() -> str:
    """A file older than any result and younger than any outdated one, for stages without inputs.

    It is not empty: of an empty file Snakemake would compare the checksum, whatever its time.
    """
    _ANCHOR.parent.mkdir(parents=True, exist_ok=True)
    facts = _ANCHOR.stat() if _ANCHOR.exists() else None
    if facts is None or not facts.st_size or facts.st_mtime != AGED_BEFORE_NS // 10**9:
        _ANCHOR.write_text("older than any result\n")
        os.utime(_ANCHOR, ns=(AGED_BEFORE_NS, AGED_BEFORE_NS))
    return _ANCHOR.as_posix()
