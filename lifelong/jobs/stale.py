"""Results beside a plan: finished stages that another configuration made, and folders of no stage.

Snakemake remembers how it made a file only in `.snakemake`, which stays behind when results move to
another machine. The manifests remember for ever. Reads JSON alone, so that the Snakefile can ask.
"""

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lifelong.jobs.find import find_stage
from lifelong.plan.errors import DamagedFile, UserError
from lifelong.plan.plan import Plan
from lifelong.plan.specs import canonical

_MANIFEST = "manifest.json"
_SEALED = (".h5", ".json", ".csv", ".html")  # the ends of the files that rules declare
_YEAR_NS = 365 * 86400 * 10**9
_AGED_BEFORE_NS = 30 * _YEAR_NS  # since 1970; no result is as old
_SHIFT_NS = 40 * _YEAR_NS
_ANCHOR = Path(".snakemake/lifelong/anchor")


@dataclass(frozen=True)
class Outdated:
    """A finished stage's folder; without `planned` no stage of the plan writes it any more."""

    folder: Path
    why: str
    planned: bool

    @property
    def manifest(self) -> str:
        return f"{self.folder.as_posix()}/{_MANIFEST}"


def outdated(plan: Plan) -> Iterator[Outdated]:
    """Finished stages that are not what the plan would make now, by their specs and inputs.

    What cannot be judged yet, because a file that decides is missing or damaged, is left out.
    """
    for folder in finished(Path(plan.paths.base)):
        path = f"{folder.as_posix()}/{_MANIFEST}"
        try:
            made = _read(path)
            stage = find_stage(plan, path, _read)
        except DamagedFile:
            continue
        except UserError:
            yield Outdated(folder, "no stage of the configuration writes it", planned=False)
            continue
        if canonical(made.get("spec")) != canonical(stage.spec):
            key = _changed(made.get("spec"), json.loads(canonical(stage.spec)))
            yield Outdated(folder, f"was made with another {key}", planned=True)
        elif set(made.get("inputs", ())) != set(stage.files_read()):
            yield Outdated(folder, "was made from other files", planned=True)


def mark(plan: Plan) -> None:
    """Make outdated stages look older than their inputs, and what is as planned its true age again.

    So Snakemake runs outdated stages, by times alone, and what depends on them. No content changes.
    """
    wrong = {stage.folder for stage in outdated(plan) if stage.planned}
    for folder in finished(Path(plan.paths.base)):
        files = [path for path in folder.iterdir() if path.name.endswith(_SEALED)]
        aged = any(path.stat().st_mtime_ns < _AGED_BEFORE_NS for path in files)
        if aged != (folder in wrong):
            for path in files:
                facts = path.stat()
                shift = _SHIFT_NS if aged else -_SHIFT_NS
                os.utime(path, ns=(facts.st_atime_ns, facts.st_mtime_ns + shift))


def anchor() -> str:
    """A file older than any result and younger than any outdated one, for stages without inputs."""
    _ANCHOR.parent.mkdir(parents=True, exist_ok=True)
    if not _ANCHOR.exists() or _ANCHOR.stat().st_mtime != _AGED_BEFORE_NS // 10**9:
        _ANCHOR.touch()
        os.utime(_ANCHOR, ns=(_AGED_BEFORE_NS, _AGED_BEFORE_NS))
    return _ANCHOR.as_posix()


def finished(base: Path) -> Iterator[Path]:
    """The folders of an experiment that a manifest has sealed."""
    for folder, below, names in os.walk(base):
        below[:] = sorted(name for name in below if not name.startswith("."))
        if _MANIFEST in names:
            yield Path(folder)


def _read(path: str) -> dict[str, Any]:
    try:
        facts = json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DamagedFile(f"{path} cannot be read: {error}") from error
    if not isinstance(facts, dict):
        raise DamagedFile(f"{path} is not what was written")
    return facts


def _changed(made: Any, planned: Any, within: str = "") -> str:
    """The first key in which two specs differ, such as recipe.batch_size."""
    if not (isinstance(made, dict) and isinstance(planned, dict)):
        return within or "configuration"
    for key in sorted(made.keys() | planned.keys()):
        if made.get(key) != planned.get(key):
            return _changed(made.get(key), planned.get(key), f"{within}.{key}".lstrip("."))
    return within or "configuration"
