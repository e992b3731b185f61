"""An unfinished experiment as text: which tasks are done, and what stages say at the moment."""

import re
import time
from collections.abc import Iterator
from pathlib import Path

from lifelong.plan.paths import place_of

_AT_WORK_S = 300.0  # a stage that says nothing for so long has ended or hangs
_STAMP = re.compile(r"^\S+ \S+ [A-Z]+ ")


def progress(folder: Path) -> list[str]:
    """One line per method and seed, then one per stage at work; empty where nothing has run."""
    lines = []
    for run in sorted(folder.glob("*/s*")):
        done = sorted(path.parent.parent.name for path in run.glob("*-*/infer/manifest.json"))
        newest = f", the newest {done[-1].partition('-')[2]}" if done else ""
        lines.append(f"{run.parent.name} {run.name}: {len(done)} tasks done{newest}")
    return lines + [f"running: {where}: {said}" for where, said in _at_work(folder)]


def _at_work(folder: Path) -> Iterator[tuple[str, str]]:
    """Stages without a manifest whose log is young, and its last line."""
    for path in sorted(folder.rglob("log.txt")):
        if (path.parent / "manifest.json").exists():
            continue
        try:
            young = time.time() - path.stat().st_mtime < _AT_WORK_S
            lines = path.read_text(errors="replace").splitlines()
        except OSError:  # it has just ended
            continue
        if young and lines:
            place = place_of(path.absolute().as_posix())
            where = path.parent.relative_to(folder).as_posix()
            if place is not None:
                where = f"{place.method} s{place.seed} {place.slug} {place.kind}"
            yield where, _STAMP.sub("", lines[-1])
