"""A finished experiment as text: summary, missed goals, training minutes, and the report's path."""

from pathlib import Path
from statistics import fmean

import pandas as pd

from lifelong import store
from lifelong.plan.advice import command_of
from lifelong.plan.errors import DamagedFile, UserError, printable
from lifelong.plan.paths import MANIFEST, Paths
from lifelong.plan.plan import Plan
from lifelong.records import tables
from lifelong.records.durations import CPU, WALL, total_seconds
from lifelong.records.outcomes import packing_warnings
from lifelong.use.order import tasks_of
from lifelong.use.progress import progress

_TRAINING = ("baseline", "train", "expand/a*", "prune", "retrain")  # stages that train


def show(folder: Path, plan: Plan | None = None) -> str:
    """The text; of an unfinished experiment the plan tells how much is left.

    Raises UserError where there are no tables, DamagedFile where they do not parse.
    """
    path = folder / "tables" / "summary.csv"
    if not path.is_file():
        if lines := progress(folder, plan):
            return "\n".join([f"{folder} is not finished: it has no tables yet", *lines])
        raise UserError(f"{folder} has no tables/summary.csv: name a folder like results/digits")
    try:
        summary = tables.read_table(path).astype({"goals_met": "Int64"})
        goals = tables.read_table(path.with_name("goals.csv"))
        lines = [tables.as_text(summary), "", *_missed(goals), *_warnings(folder)]
        lines += _minutes(folder, summary)
    except FileNotFoundError as error:
        raise DamagedFile.missing(error.filename) from error
    except (KeyError, TypeError, ValueError) as error:  # pandas' own errors are ValueErrors
        raise DamagedFile(path.parent, "holds other tables") from error
    if changed := _changed_since(folder):
        lines = [f"warning: {changed}", *progress(folder, plan), "", *lines]
    return "\n".join([*lines, f"report: {folder / 'report' / 'index.html'}"])


def _changed_since(folder: Path) -> str:
    """What to say of tables whose records have changed since; "" where they have not."""
    if not (folder / "tables" / MANIFEST).is_file():
        return ""
    inputs = store.read_manifest(folder / "tables")["inputs"]
    records = {  # METHOD/sSEED/TASK/STAGE/record.csv, wherever the experiment lay then
        folder.joinpath(*Path(path).parts[-5:]): digest
        for path, digest in inputs.items()
        if path.endswith("/record.csv")
    }
    changed = [
        path
        for path, digest in records.items()
        if not path.is_file() or store.digest_once(path) != digest
    ]
    if not changed:
        return ""
    return (
        f"these tables are older than the results: {len(changed)} of {len(records)} records are "
        f"others now, or gone; make them again: {printable(command_of(folder))}"
    )


def _missed(goals: pd.DataFrame) -> list[str]:
    return [
        f"{goal['method']} missed its goal on {goal['task']}: "
        f"{100 * goal['accuracy_selected']:.1f} instead of {100 * goal['goal']:.1f} %"
        for goal in goals[goals["met"].astype(str) == "False"].to_dict("records")
    ]


def _warnings(folder: Path) -> list[str]:
    """What packing and, in the tasks that the experiment has now, `select` warned of."""
    lines = []
    for path in sorted(folder.glob(f"pack_data/*/{MANIFEST}")):
        outcome = store.read_manifest(path.parent)["outcome"]
        lines += packing_warnings(path.parent.name, outcome)
    for run in sorted(folder.glob("*/s*")):
        for slug in tasks_of(run) or ():
            path = run / slug / "select" / "selected.json"
            for said in store.read_json(path).get("warnings", ()) if path.is_file() else ():
                name = slug.partition("-")[2]
                lines.append(f"warning: {name} of {run.parent.name} {run.name} {said}")
    return lines


def paths_of(folder: Path) -> Paths:
    """The files of the experiment whose results lie in a folder."""
    named = folder if folder.name not in ("", "..") else folder.resolve()
    return Paths(named.name, str(named.parent))


def training_seconds(folder: Path, method: str, seed: int, clock: str = WALL) -> float | None:
    """How long the training stages of a run took in all; None where a timing.json is missing."""
    run = Path(paths_of(folder).model(method, seed))
    tasks = tasks_of(run)
    stages = (
        path.parent
        for kind in _TRAINING
        for path in run.glob(f"*/{kind}/{MANIFEST}")
        if tasks is None or path.relative_to(run).parts[0] in tasks
    )
    return total_seconds(stages, clock)


def _minutes(folder: Path, summary: pd.DataFrame) -> list[str]:
    """One line with every method whose times are known; the mean over seeds."""
    minutes = []
    for method, runs in summary.groupby("method", sort=False):
        seeds = [int(seed) for seed in runs["seed"]]
        if wall := _mean_minutes(folder, str(method), seeds, WALL):
            cpu = _mean_minutes(folder, str(method), seeds, CPU)
            minutes.append(f"{method} {wall}" + (f" ({cpu})" if cpu else ""))
    return [f"minutes of training per run, wall (CPU): {', '.join(minutes)}"] if minutes else []


def _mean_minutes(folder: Path, method: str, seeds: list[int], clock: str) -> str:
    """Over the seeds whose times are known; empty where there are none."""
    seconds = [training_seconds(folder, method, seed, clock) for seed in seeds]
    known = [one for one in seconds if one is not None]
    return f"{fmean(known) / 60:.1f}" if known else ""
