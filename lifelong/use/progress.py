"""An unfinished experiment as text: which tasks are done, and what stages say at the moment."""

import time
from collections.abc import Iterator
from pathlib import Path

from lifelong.plan.paths import MANIFEST, place_of
from lifelong.plan.plan import Plan
from lifelong.records.stage_log import STOPPED, last_said, why_failed
from lifelong.use.remaining import remaining

_AT_WORK_S = 300.0  # a stage that says nothing for so long has ended or hangs


def progress(folder: Path, plan: Plan | None = None) -> list[str]:
    """One line per method and seed, per stage at work and per one that failed, and the time left.

    The time takes the plan. Empty where nothing has run.
    """
    lines = []
    for run in sorted(folder.glob("*/s[0-9]*")):
        done = sorted(path.parent.parent.name for path in run.glob(f"*-*/infer/{MANIFEST}"))
        newest = f", the newest {done[-1].partition('-')[2]}" if done else ""
        count = "1 task" if len(done) == 1 else f"{len(done)} tasks"
        lines.append(f"{run.parent.name} {run.name}: {count} done{newest}")
    at_work = list(_at_work(folder))
    lines += [f"running: {where}: {said}" for where, said in at_work]
    lines += [f"failed: {where}: {why}" for where, why in _failed(folder)]
    if lines and plan is not None:
        lines += remaining(plan, max(1, len(at_work)))
    elif lines:
        lines.append("add the --configfile that it runs with for an estimate of the time left")
    return lines


def _at_work(folder: Path) -> Iterator[tuple[str, str]]:
    """Stages without a manifest whose log is young and names no error, and its last line."""
    for where, path in _unfinished(folder):
        try:
            young = time.time() - path.stat().st_mtime < _AT_WORK_S
        except OSError:  # it has just ended
            continue
        said = last_said(path)
        ended = said.startswith((STOPPED, "finished in ")) or why_failed(path)
        if young and said and not ended:
            yield where, said


def _failed(folder: Path) -> Iterator[tuple[str, str]]:
    """Stages that ended with an error, and which."""
    for where, path in _unfinished(folder):
        if why := why_failed(path):
            yield where, why


def _unfinished(folder: Path) -> Iterator[tuple[str, Path]]:
    """Stages that have a log and no manifest: their names, and the logs."""
    for path in sorted(folder.rglob("log.txt")):
        if not (path.parent / MANIFEST).exists():
            place = place_of(path.absolute().as_posix())
            yield place.words if place else path.parent.relative_to(folder).as_posix(), path
