"""The statistics file of LASEM's released program (Lee et al., ICML 2021), made from our records.

A MATLAB file with one cell per method in `training_summary`. Fields have the program's names, so
scripts that read its files read these too. Its `..._error` fields hold accuracies in [0, 1]. All
accuracies in histories are live, as the program measures them: before a task has committed.
"""

from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy.io import savemat

from lifelong import store
from lifelong.plan.errors import UserError
from lifelong.plan.paths import MANIFEST, slug
from lifelong.records import learning, tables
from lifelong.records.rows import Row, read
from lifelong.use.show import paths_of, training_seconds

_STAGES = ("train", "select", "retrain", "infer")
_HEADER = b"MATLAB 5.0 MAT-file, written by lifelong".ljust(116)  # savemat would write the time
# The program's early-stopping settings, which it writes although it never stops a task early.
_IMPROVEMENT, _PATIENCE = 1.002, 1.5
_CHOOSING = ("posterior", "alpha")  # metrics that weigh configurations, or the branches of a layer
Struct = dict[str, Any]


def write_matlab(
    results: Path, file: Path, methods: Sequence[str] = (), force: bool = False
) -> str:
    """Write `file` from a finished experiment; returns what it holds, in words.

    `methods` are those to export, all that can be without any. Raises UserError where there is
    nothing to write, or where `file` exists and `force` is not given; DamagedFile where a record
    is not what was written.
    """
    if file.exists() and not force:
        raise UserError(f"{file} exists: name another file, or give --force to replace it")
    if not (results / "tables" / MANIFEST).is_file():
        raise UserError(f"{results} has no tables: name a finished experiment like results/digits")
    spec = store.read_manifest(results / "tables")["spec"]
    known = [method for method in spec["methods"] if _measures(results, spec, method)]
    if not known:
        raise UserError(
            f"{results} has no method that measures all tasks while it learns one, as lasem does: "
            "only of such there is something to export"
        )
    for method in methods:
        if method not in known:
            raise UserError(f"{results} has nothing to export of {method}: use {', '.join(known)}")
    chosen = list(methods or known)
    _write(file, [_method(results, spec, method) for method in chosen])
    return f"{file}: {', '.join(chosen)}; {len(spec['seeds'])} runs of {len(spec['tasks'])} tasks"


def _write(file: Path, structs: list[Struct]) -> None:
    """The same structs give the same bytes."""
    content = BytesIO()
    names = {"training_summary": _cell(structs)}
    savemat(content, names, long_field_names=True, do_compression=True, oned_as="row")
    with store.replacing(file) as temporary:
        temporary.write_bytes(_HEADER + content.getvalue()[len(_HEADER) :])


def _cell(items: Sequence[Any]) -> np.ndarray:
    """A MATLAB cell array of one row."""
    cells = np.empty((1, len(items)), dtype=object)
    cells[0, :] = items
    return cells


def _folder(results: Path, spec: Struct, stage: str, method: str, seed: int, place: int) -> Path:
    task = slug(place + 1, spec["tasks"][place])
    return Path(paths_of(results).stage(stage, method, seed, task))


def _rows(results: Path, spec: Struct, stage: str, method: str, seed: int, place: int) -> list[Row]:
    path = _folder(results, spec, stage, method, seed, place) / "record.csv"
    store.verified(path)
    return read(path)


def _measures(results: Path, spec: Struct, method: str) -> bool:
    where = (spec, "train", method, spec["seeds"][0], 0)
    if not (_folder(results, *where) / MANIFEST).is_file():
        return False
    return len(learning.live(tables.frame(_rows(results, *where)))) > 0


def _method(results: Path, spec: Struct, method: str) -> Struct:
    """All runs of one method."""
    runs, lines = [], []
    for seed in spec["seeds"]:
        places = range(len(spec["tasks"]))
        frame = tables.frame(
            row
            for stage in _STAGES
            for place in places
            for row in _rows(results, spec, stage, method, seed, place)
        )
        lines.append(learning.learning_table(frame))
        seconds = training_seconds(results, method, seed)
        runs.append(_run(frame, spec["tasks"], np.nan if seconds is None else seconds))
    peaks = np.array([table["peak_accuracy"] for table in lines])
    last = np.array([table["final_accuracy_live"] for table in lines])
    times = np.array([run["training_time"] for run in runs])
    trained = _folder(results, spec, "train", method, spec["seeds"][0], 0)
    return {
        "model_specific_info": _model(store.read_manifest(trained)["spec"], lines[-1]),
        "task_order": np.arange(len(spec["tasks"])),
        "result_of_each_run": _cell(runs),
        "training_time": times,
        "training_time_mean": times.mean(),
        "training_time_stddev": _spread(times),
        "train_valid_data_group": np.array(spec["seeds"]),
        **_over_runs("best_test_error_each_task", peaks),
        **_over_runs("test_error_at_last_epoch", last),
    }


def _over_runs(name: str, values: np.ndarray) -> Struct:
    """(R, T) and the mean over tasks and runs; the deviation is of the runs' means."""
    means = values.mean(axis=1)
    return {name: values, f"{name}_mean": means.mean(), f"{name}_std": _spread(means)}


def _spread(values: np.ndarray) -> float:
    """The sample deviation; NaN for one run."""
    return float(values.std(ddof=1)) if len(values) > 1 else np.nan


def _model(spec: Struct, table: pd.DataFrame) -> Struct:
    """The settings of a method; the parameters are those that the last run's model is left with."""
    training, weights = spec["training"], table["weights_model"].iloc[-1]
    settings: Struct = {name: spec[name] for name in ("method", "base", "pattern") if name in spec}
    settings |= {"channels": spec["network"]["channels"], **training, **spec["options"]}
    return {
        "architecture": spec["network"]["name"],
        "learning_rate": training["lr"],
        "improvement_threshold": _IMPROVEMENT,
        "early_stopping_para": np.array([training["epochs"], _PATIENCE]),
        **{name: _plain(value) for name, value in settings.items()},
        "number_of_trainable_parameters": np.nan if pd.isna(weights) else int(weights),
    }


def _plain(value: Any) -> Any:
    """A setting as MATLAB has it: [] for none."""
    return np.zeros((0, 0)) if value is None else value


def _run(frame: pd.DataFrame, order: list[str], seconds: float) -> Struct:
    """One run of E epochs and T tasks.

    Histories are (E + 1, T + 1), the mean over learned tasks in the last column. Epochs that were
    not evaluated repeat the values of the epoch evaluated before; tasks that were not evaluated
    yet have 0 and do not count in the mean.
    """
    run = learning.live(frame)
    ends = learning.phase_ends(run, order)
    struct: Struct = {"training_time": seconds, "num_epoch": ends[-1]}
    for split in ("train", "validation", "test"):
        values = learning.history(run, order, split)
        whole = values.assign(mean=values.mean(axis="columns")).fillna(0.0)
        struct[f"history_{split}_error"] = whole.to_numpy(dtype=float)
    struct["history_best_test_error"] = _best(run, order)
    struct["task_changed_epoch"] = np.array([1, *(end + 1 for end in ends[:-1])])
    return struct | _choices(frame, order)


def _best(run: pd.DataFrame, order: list[str]) -> np.ndarray:
    """(E + 1): the test accuracy of the task being learned at its best validation so far."""
    first = learning.history(run, order, "test")[order[0]].fillna(0.0)
    parts = [first.to_numpy(dtype=float)[:1]]  # untrained
    for task in order:
        splits = learning.by_epoch(run, task)
        deciding = splits.get("validation", splits["test"])
        better = deciding > deciding.cummax().shift(fill_value=-np.inf)
        best = splits["test"].where(better).ffill()
        best = best.reindex(range(1, splits.index[-1] + 1)).ffill().fillna(0.0)
        parts.append(best.to_numpy(dtype=float))
    return np.concatenate(parts)


def _choices(frame: pd.DataFrame, order: list[str]) -> Struct:
    """How a method chose layers, in the program's order; zeros for methods that do not choose."""
    searched, mixed = ((frame["metric"] == metric).any() for metric in _CHOOSING)
    if not searched and not mixed:
        zeros = np.zeros((len(order), len(order)))
        return {f"LEEP_score_{split}set": zeros for split in ("train", "valid", "test")}
    chosen = learning.patterns(frame).droplevel(["method", "seed"])
    shared = [[float(letter == "S") for letter in chosen[task]] for task in order]
    struct: Struct = {"conv_sharing": np.array(shared)}
    if searched:
        struct["history_net_prior"] = _believed(frame, order, "posterior", chosen)
        struct["history_net_prior_in_epoch"] = _believed(frame, order, "posterior_epoch", chosen)
    if mixed:
        struct["history_DARTS_arch_select"] = _alphas(frame, order)
    return struct


def _believed(frame: pd.DataFrame, order: list[str], metric: str, given: pd.Series) -> np.ndarray:
    """(E, configurations): probabilities, one row per epoch; gaps repeat the row before.

    They are uniform before a task's first; a task without any has 1 for the pattern it was given.
    """
    rows = frame[(frame["stage"] == "train") & (frame["metric"] == metric)]
    patterns = sorted(rows["pattern"].unique(), key=_configuration)
    parts = []
    for task in order:
        table = rows[rows["task"] == task].pivot(index="epoch", columns="pattern", values="value")
        before = pd.Series(1 / len(patterns) if len(table) else 0.0, index=patterns)
        if not len(table):
            before[given[task]] = 1.0
        parts.append(_filled(table, _epochs(frame, task), patterns, before))
    return np.concatenate(parts)


def _alphas(frame: pd.DataFrame, order: list[str]) -> np.ndarray:
    """(E, 2 x layers): per layer the task's own branch, then the shared one; 0 before the first."""
    rows = frame[(frame["stage"] == "train") & (frame["metric"] == "alpha")]
    layers = sorted(rows["layer"].unique())
    branches = pd.MultiIndex.from_product([layers, ["-", "S"]], names=["layer", "pattern"])
    before, parts = pd.Series(0.0, index=branches), []
    for task in order:
        own = rows[rows["task"] == task]
        table = own.pivot(index="epoch", columns=["layer", "pattern"], values="value")
        parts.append(_filled(table, _epochs(frame, task), branches, before))
    return np.concatenate(parts)


def _epochs(frame: pd.DataFrame, task: str) -> int:
    """How many epochs a task was trained for."""
    return int(frame.loc[(frame["stage"] == "train") & (frame["task"] == task), "epoch"].max())


def _filled(table: pd.DataFrame, epochs: int, columns: Any, before: pd.Series) -> np.ndarray:
    """(epochs, columns): a table's last known values, and before the first those `before`."""
    table = table.reindex(index=range(1, epochs + 1)).reindex(columns=columns)
    return table.ffill().fillna(before).to_numpy(dtype=float)


def _configuration(pattern: str) -> int:
    """The program's number of a pattern: bit l is set where layer l is the task's own."""
    return sum(1 << layer for layer, letter in enumerate(pattern) if letter != "S")
