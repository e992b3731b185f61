"""Results that another configuration made, or that lack files, are made again by Snakemake.

They look old to it, so that it runs them again.

Snakemake remembers how it made a file only in `.snakemake`, which stays behind when results move to
another machine; manifests remember for ever. Reads JSON alone, so that the Snakefile can ask.
"""

import os
from pathlib import Path

from lifelong.jobs.find import finished, survey
from lifelong.plan.ages import AGED_BEFORE_NS, SHIFT_NS, is_aged
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
        for path in folder.iterdir():
            facts = path.stat()
            aged = is_aged(facts)  # rungs may be while the rest of their folder has been made again
            if path.name.endswith(_SEALED) and aged != (folder in wrong):
                shift = SHIFT_NS if aged else -SHIFT_NS
                os.utime(path, ns=(facts.st_atime_ns, facts.st_mtime_ns + shift))
    return seen.lost


def anchor() -> str:
    """A file older than any result and younger than any outdated one, for stages without inputs."""
    _ANCHOR.parent.mkdir(parents=True, exist_ok=True)
    if not _ANCHOR.exists() or _ANCHOR.stat().st_mtime != AGED_BEFORE_NS // 10**9:
        _ANCHOR.touch()
        os.utime(_ANCHOR, ns=(AGED_BEFORE_NS, AGED_BEFORE_NS))
    return _ANCHOR.as_posix()
