"""How tasks were learned one after another: their peaks, what is left of them, and how soon.

Methods of the layer family measure all tasks learned so far while one is learned. Those accuracies
are *live*: on the tensors as they are just then, before the task has settled what it shares. What
`infer` measures is *committed*. Definitions: Lee, Behpour & Eaton, ICML 2021, and their program.
"""

import math
from typing import cast

import pandas as pd

from lifelong.records.tables import accuracy_matrix, learned_order

CONVERGED = 0.98  # of the peak
LEARNING_COLUMNS = (
    "method",
    "seed",
    "task",
    "pattern",
    "peak_accuracy",
    "final_accuracy",
    "final_accuracy_live",
    "forgetting_ratio",
    "forgetting_ratio_live",
    "convergence_epoch",
    "weights_model",
)
_RATIOS = LEARNING_COLUMNS[4:9]
_MEANS = (*_RATIOS, "convergence_epoch")
MEAN_COLUMNS = (
    "method",
    "tasks",
    "seeds",
    *(name for metric in _MEANS for name in (metric, f"{metric}_std")),
    "weights_model",
)
_ROUNDING = 1e-12  # 0.98 of a peak may round to slightly more than an accuracy equal to it
_RUN = ["method", "seed"]
_NUMBERS = ("weights_owned", "weights_other")


def live(frame: pd.DataFrame) -> pd.DataFrame:
    """The accuracies measured while a task was learned, of all tasks known by then."""
    rows = frame[(frame["stage"] == "train") & (frame["metric"] == "accuracy")]
    return rows[rows["on_task"].notna() & rows["epoch"].notna()]


def learned_tasks(run: pd.DataFrame, order: list[str]) -> list[str]:
    """The tasks that a run has learned, out of all in the order learned."""
    learned = set(run["task"])
    return [task for task in order if task in learned]


def phase_ends(run: pd.DataFrame, tasks: list[str]) -> list[int]:
    """The epoch that ends each task's phase, counted over the whole run."""
    return [int(end) for end in run.groupby("task")["epoch"].max()[tasks].cumsum()]


def looks(run: pd.DataFrame, tasks: list[str], split: str) -> pd.DataFrame:
    """Live accuracies over a run: one row per epoch that measured tasks, one column per task.

    A task that was not measured in an epoch keeps the accuracy measured before: training cannot
    have moved it. NaN before a task's first measurement. Epochs count over the whole run; 0 is the
    untrained network. Separate networks have an epoch 0 for every task; only the first task's is
    kept.
    """
    begins = dict(zip(tasks, [0, *phase_ends(run, tasks)], strict=False))
    rows = run[(run["split"] == split) & ((run["epoch"] > 0) | (run["task"] == tasks[0]))]
    rows = rows.assign(at=rows["task"].map(begins) + rows["epoch"].astype(int))
    table = rows.pivot(index="at", columns="on_task", values="value")
    return table.reindex(columns=tasks).sort_index().ffill()


def history(run: pd.DataFrame, tasks: list[str], split: str) -> pd.DataFrame:
    """The same with a row for each of the run's E epochs and the untrained network, (E + 1, T)."""
    epochs = range(phase_ends(run, tasks)[-1] + 1)
    return looks(run, tasks, split).reindex(index=epochs).ffill()


def by_epoch(run: pd.DataFrame, task: str) -> pd.DataFrame:
    """Live accuracies on the task being learned: one row per epoch, one column per split.

    Epochs count from 1 in the task's own phase; the untrained network, epoch 0, is left out.
    """
    own = run[(run["task"] == task) & (run["on_task"] == task) & (run["epoch"] > 0)]
    return own.pivot(index="epoch", columns="split", values="value").sort_index()


def peak_epoch(splits: pd.DataFrame) -> int | None:
    """The first epoch of the highest validation accuracy; of test accuracy without validation."""
    deciding = splits.get("validation", splits.get("test"))
    if deciding is None or deciding.isna().all():
        return None
    return int(deciding.index[int(deciding.argmax())])


def convergence_epoch(test: pd.Series, peak: float) -> int | None:
    """The first epoch whose test accuracy is 98 % of the peak or more."""
    reached = test.index[test >= CONVERGED * peak - _ROUNDING]
    return int(reached[0]) if len(reached) else None


def patterns(frame: pd.DataFrame) -> pd.Series:
    """The pattern each task chose or was given, by method, seed and task: S shared, - its own."""
    rows = frame[(frame["stage"] == "select") & (frame["metric"] == "shares")]
    letter = rows["value"].map(lambda shared: "S" if shared else "-")
    rows = rows.assign(letter=letter).sort_values("layer", kind="stable")
    return rows.groupby([*_RUN, "task"], sort=False)["letter"].agg("".join)


def learning_table(frame: pd.DataFrame) -> pd.DataFrame:
    """One row per method, seed and task; empty where no method measures while it learns.

    peak_accuracy: test accuracy on the task at the epoch of its own phase with the highest
    validation accuracy (the first such epoch). final_accuracy: committed, after the newest task;
    _live: as last measured in training. forgetting_ratio: final / peak, empty for the newest task.
    convergence_epoch: the first epoch that reaches 98 % of the peak. weights_model: the weights of
    all tasks so far.
    """
    measured, rest = live(frame), frame[frame["stage"] != "train"]
    order, chosen, weights = learned_order(frame), patterns(rest), _weights(rest)
    lines = []
    for name, run in measured.groupby(_RUN, sort=False):
        method, seed = cast(tuple[str, int], name)
        tasks = learned_tasks(run, order)
        matrix = accuracy_matrix(rest, method, seed, order)
        committed = pd.Series(matrix[-1] if len(matrix) else [], order[: len(matrix)], dtype=float)
        last_live = looks(run, tasks, "test").iloc[-1]
        for task in tasks:
            key = (method, seed, task)
            line = {"method": method, "seed": seed, "task": task, "pattern": chosen.get(key)}
            left = (float(committed.get(task, math.nan)), float(last_live[task]))
            line |= _learned(by_epoch(run, task), *left, newest=task == tasks[-1])
            lines.append(line | {"weights_model": weights.get(key)})
    table = pd.DataFrame(lines, columns=list(LEARNING_COLUMNS))
    kinds = dict.fromkeys(_RATIOS, "float64")
    return table.astype(kinds | {"convergence_epoch": "Int64", "weights_model": "Int64"})


def _learned(
    splits: pd.DataFrame, committed: float, last_live: float, newest: bool
) -> dict[str, float | None]:
    test = splits.get("test", pd.Series(dtype=float)).dropna()
    peak = float(test.get(peak_epoch(splits), math.nan))
    whole = peak if peak > 0 and not newest else math.nan  # what forgetting is measured against
    return {
        "peak_accuracy": peak,
        "final_accuracy": committed,
        "final_accuracy_live": last_live,
        "forgetting_ratio": committed / whole,
        "forgetting_ratio_live": last_live / whole,
        "convergence_epoch": convergence_epoch(test, peak),
    }


def _weights(frame: pd.DataFrame) -> pd.Series:
    """The weights of all tasks so far; the rows come in the order in which tasks were learned."""
    rows = frame[(frame["stage"] == "retrain") & frame["metric"].isin(_NUMBERS)]
    brought = rows.groupby([*_RUN, "task"], sort=False)["value"].sum()
    return brought.groupby(_RUN, sort=False).cumsum()


def mean_over_seeds(table: pd.DataFrame, tasks: list[str]) -> pd.DataFrame:
    """One row per method: each metric's mean over tasks, then over seeds; `_std` is its spread.

    The spread is the sample deviation (ddof 1) of the seeds' means, empty for one seed. Only seeds
    that learned all of `tasks` count. weights_model: weights of the whole model, mean over seeds.
    """
    lines = []
    for method, runs in table[table["task"].isin(tasks)].groupby("method", sort=False):
        learned = runs.groupby("seed")["task"].nunique()
        runs = runs[runs["seed"].isin(learned.index[learned == len(tasks)])]
        if not len(runs):
            continue
        means = runs.astype({"convergence_epoch": float}).groupby("seed")[list(_MEANS)].mean()
        whole = runs.loc[runs["task"] == tasks[-1], "weights_model"].astype(float).mean()
        line = {"method": method, "tasks": len(tasks), "seeds": len(means), "weights_model": whole}
        lines.append({**line, **means.mean(), **means.std(ddof=1).add_suffix("_std")})
    return pd.DataFrame(lines, columns=list(MEAN_COLUMNS))
