"""The stages of an experiment in one process, each as soon as another needs its files.

Tables and report are cheap: they always run.
"""

import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from lifelong import store
from lifelong.jobs import ranks
from lifelong.jobs.find import find_stage, read_facts, reader_of
from lifelong.jobs.request import Request
from lifelong.jobs.runner import execute
from lifelong.plan.errors import DamagedFile, printable
from lifelong.plan.overview import overview
from lifelong.plan.paths import MANIFEST
from lifelong.plan.plan import Plan
from lifelong.plan.specs import canonical, plain
from lifelong.plan.stage import Stage
from lifelong.records.durations import stage_seconds, time_words
from lifelong.records.outcomes import outcome_words


def run_experiment(plan: Plan, limit: int | None = None, threads: int = 1) -> None:
    """Run what is not done, then tables and report.

    `limit` ends after so many tasks; they learn as they would in the whole experiment.
    """
    run_tasks(plan, limit, threads)
    shown = Plan(plan.config, plan.paths.root, limit)
    for kind in ("tables", "report"):
        run_stage(overview(shown, kind), threads)


def run_tasks(plan: Plan, limit: int | None = None, threads: int = 1) -> None:
    """Run what is not done of packs and, seed by seed, of every method's tasks."""
    shown = Plan(plan.config, plan.paths.root, limit)
    ensured: set[str] = set()

    def ensure(stage: Stage) -> None:
        if stage.folder in ensured:
            return
        for path in stage.files_read():
            ensure(find_stage(plan, path, read))
        if not is_done(stage, is_settled):
            run_stage(stage, threads)
        ensured.add(stage.folder)

    def is_settled(path: str) -> bool:
        """Whether neither the stage of a file nor one that it depends on is to run."""
        try:
            stage = find_stage(plan, path)
        except DamagedFile:
            return False
        return stage.folder in ensured or (
            is_done(stage, lambda _: True) and all(map(is_settled, stage.files_read()))
        )

    def read(path: str) -> dict[str, Any]:
        ensure(find_stage(plan, path, read))
        return read_facts(path)

    for dataset in dict.fromkeys(task["dataset"] for task in plan.config["tasks"][:limit]):
        ensure(plan.pack_stage(dataset))
    for key in sorted(shown.keys("infer"), key=lambda key: key.seed):
        ensure(plan.stage(key))


def is_done(stage: Stage, is_settled: Callable[[str], bool]) -> bool:
    """Whether a stage's files are there, made under the same spec from the same inputs.

    A file may be gone where nothing reads it any more; `is_settled` says whether the stage of
    another file is not to run.
    """
    try:
        manifest = store.read_manifest(Path(stage.folder))
    except DamagedFile:
        return False
    inputs = stage.files_read()
    gone = [name for name in manifest["files"] if not Path(stage.path(name)).is_file()]
    readers = {reader_of(stage.path(name)) for name in gone}
    return (
        canonical(manifest["spec"]) == canonical(stage.spec)
        and all(Path(path).is_file() for path in inputs)
        and all(reader is not None and is_settled(reader) for reader in readers)
        and manifest["inputs"] == {path: store.digest_once(Path(path)) for path in inputs}
    )


def run_stage(stage: Stage, threads: int = 1) -> None:
    """Run a stage now. Raises DamagedFile naming the first input that is missing."""
    for path in stage.files_read():
        if not Path(path).is_file():
            what = f"is missing, and {stage.folder} is made from it"
            raise DamagedFile(path, what, remove=None)
    Path(stage.path(MANIFEST)).unlink(missing_ok=True)  # half-done must not look done
    print(stage.folder, file=sys.stderr)
    stage = replace(stage, threads=threads)
    inputs, spec = dict(stage.inputs), plain(stage.spec)
    facts = (stage.kind, stage.folder, inputs, spec, stage.threads, stage.ends)
    request = Request(*facts, log=stage.path("log.txt"))
    if request.processes > 1:
        ranks.run(request)
    else:
        execute(stage)
    folder = Path(stage.folder)
    words = (outcome_words(folder), time_words(stage_seconds(folder) or 0.0))
    print(printable(f"  {'; '.join(filter(None, words))}"), file=sys.stderr)
