"""Tables for people, made from the rows of one experiment."""

from collections.abc import Callable, Iterable, Sequence
from math import fsum
from operator import attrgetter
from pathlib import Path

import numpy as np
import pandas as pd

from lifelong.plan.errors import UserError
from lifelong.records.cells import as_cells, is_number
from lifelong.records.metrics import Matrix, average_accuracy, backward_transfer, forgetting
from lifelong.records.rows import COLUMNS, Row

MIB = 2**20  # the "MB" of the papers
ACCURACY_COLUMNS = ("method", "seed", "after_task", "task", "split", "accuracy")
SIZE_METRICS = (
    *(f"weights_{part}" for part in ("owned", "free", "total", "picked", "other", "reference")),
    *(f"bytes_{part}" for part in ("file", "values", "owned", "picks", "dense", "reference")),
    "bytes_superseded",  # of older files: a later task wrote those tensors again
    "bytes_ground",  # of the pretrained weights that all tasks of a model stand on, once
)
_TEXT = ("method", "ours", "task", "after_task", "split", "pattern", "protocol")
GOAL_COLUMNS = (
    *("method", "seed", "task", "goal", "accuracy_selected", "met", "ratio"),
    "accuracy_retrained",
)
MASK_BITS = 32  # papers count a mask of one bit as 1/32 of a weight
SIZE_TOTALS = ("union_ratio", "cap_ratio", "total_mb", "total_heads_mb")
SUMMARY_COLUMNS = (
    "method",
    "seed",
    "tasks",
    "accuracy_mean",
    "accuracy_last",
    "forgetting_mean",
    "bwt",
    "width",
    "used_ratio",
    "size_mb",
    "size_ratio",
    "goals_met",
)
PUBLISHED_COLUMNS = (
    "protocol",
    "task",
    "method",
    "ours",
    "published_percent",
    "ours_percent",
    "ours_std",
    "seeds",
    "difference",
)


def read_table(path: Path | str) -> pd.DataFrame:
    """A table from its CSV file: names stay text, whatever they look like, such as NA or 010.

    Only an empty cell is empty. Raises what pandas raises, most of it ValueErrors.
    """
    kinds = dict.fromkeys(_TEXT, str)
    return pd.read_csv(path, dtype=kinds, keep_default_na=False, na_values=[""])


def frame(rows: Iterable[Row]) -> pd.DataFrame:
    """The rows of one experiment as a DataFrame, in their order. Raises UserError for several."""
    data = pd.DataFrame(map(attrgetter(*COLUMNS), rows), columns=list(COLUMNS))
    data = data.astype(dict.fromkeys(("attempt", "epoch", "layer"), "Int64"))
    data = data.astype({"ratio": float, "width": float, "value": float})
    for name in ("experiment", "protocol"):
        names = data[name].unique()
        if len(names) > 1:
            raise UserError(
                f"these records hold more than one {name} ({', '.join(sorted(names))}); "
                "`lifelong verify RESULTS --configfile YAML` tells which are not of a configuration"
            )
    return data


def accuracy_table(frame: pd.DataFrame) -> pd.DataFrame:
    """Accuracy on each task after learning each task, the mean over attempts; tasks as learned."""
    infer = frame[(frame["stage"] == "infer") & (frame["metric"] == "accuracy")]
    groups = infer.groupby(["method", "seed", "task", "on_task", "split"], sort=False)["value"]
    table = groups.agg(_mean).reset_index()
    table = table.rename(columns={"task": "after_task", "on_task": "task", "value": "accuracy"})
    return _in_order(table, frame)[list(ACCURACY_COLUMNS)]


def learned_order(frame: pd.DataFrame) -> list[str]:
    """All tasks in the order learned: the longest `infer` lists them so; others as they appear."""
    infer = frame[frame["stage"] == "infer"]
    seen = infer.groupby("task", sort=False)["on_task"].nunique()
    longest = infer[infer["task"] == seen.idxmax()] if len(seen) else infer
    return list(dict.fromkeys([*longest["on_task"], *frame["task"]]))


def accuracy_matrix(frame: pd.DataFrame, method: str, seed: int, tasks: list[str]) -> Matrix:
    """R (n, n) of `lifelong.records.metrics` on the test split, n the number of tasks learned.

    Tasks that were learned together were learned at the same time: after each of them the model is
    the one that was measured after the last.
    """
    infer = frame[(frame["method"] == method) & (frame["seed"] == seed)]
    table = accuracy_table(infer[infer["split"] == "test"])
    matrix = table.pivot(index="after_task", columns="task", values="accuracy")
    matrix = matrix.reindex(index=tasks, columns=tasks)
    measured = infer.loc[infer["stage"] == "infer", "task"]
    together = ~matrix.index.isin(measured)  # with the next ones that were
    matrix[together] = matrix.bfill()[together]
    learned = np.flatnonzero(matrix.notna().any(axis="columns"))
    count = int(learned[-1]) + 1 if len(learned) else 0
    return matrix.to_numpy(dtype=float)[:count, :count]


def size_table(frame: pd.DataFrame) -> pd.DataFrame:
    """Weights and bytes each task brought at its end, the mean over attempts; parts in columns.

    Then what all tasks so far have: union_ratio, the weights that are used / those of one network
    of width 1 (a ground that nobody trains is used whole); cap_ratio, the same and 1/32 more for
    every task of a method with masks, as WSN's table counts PackNet and SupSup (its own rows count
    0.22/32); MiB of the files, with
    pretrained weights, and of them those of norms, biases and heads, which papers leave out.
    """
    ends = frame["stage"].isin(["retrain", "baseline"])
    rows = frame[ends & frame["metric"].isin(SIZE_METRICS)]
    table = _parts(rows, SIZE_METRICS, _mean)
    table[list(SIZE_METRICS)] = table[list(SIZE_METRICS)].round().astype("Int64")
    table = _in_order(table, frame)
    totals = [_totals(run) for _, run in table.groupby(["method", "seed"], sort=False)]
    table[list(SIZE_TOTALS)] = pd.concat(totals) if totals else np.empty((0, len(SIZE_TOTALS)))
    return table


def _totals(run: pd.DataFrame) -> pd.DataFrame:
    """The sums over the tasks so far of one run, whose tasks are in the order learned."""
    parts = run[list(SIZE_METRICS)].astype(float)
    owned, reference = parts["weights_owned"].cumsum(), parts["weights_reference"]
    ground = (parts["weights_total"] - parts["weights_free"] - owned).clip(lower=0)
    union = (owned + ground.fillna(0)) / reference
    masked = parts[["bytes_owned", "bytes_picks"]].sum(axis="columns").any()
    count = np.arange(1, len(run) + 1)
    in_use = parts["bytes_file"] - parts["bytes_superseded"].fillna(0)
    ground_bytes = parts["bytes_ground"].fillna(0)
    columns = (
        union,
        union + count / MASK_BITS if masked else union,
        (in_use.cumsum() + ground_bytes) / MIB,
        parts["bytes_dense"].cumsum() / MIB,
    )
    return pd.DataFrame(dict(zip(SIZE_TOTALS, columns, strict=True)), index=run.index)


def goals_table(frame: pd.DataFrame) -> pd.DataFrame:
    """What `select` decided for each task; goal and met are empty for a method without goals.

    The accuracies are those on the deciding split: of the rung that was selected, which is what
    meets the goal or not, and of what `retrain` made of it.
    """
    metrics = ("goal", "goal_met", "ratio", "accuracy")
    rows = frame[(frame["stage"] == "select") & frame["metric"].isin(metrics)]
    table = _parts(rows, metrics, lambda values: values.iloc[-1])
    table["met"] = table["goal_met"].astype("boolean")
    ended = (frame["stage"] == "retrain") & (frame["metric"] == "accuracy") & frame["epoch"].isna()
    after = _parts(frame[ended], ("accuracy",), lambda values: values.iloc[-1])
    table = table.rename(columns={"accuracy": "accuracy_selected"}).merge(
        after.rename(columns={"accuracy": "accuracy_retrained"}), "left", ["method", "seed", "task"]
    )
    return _in_order(table, frame)[list(GOAL_COLUMNS)]


def summary_table(frame: pd.DataFrame, tasks: list[str], methods: list[str]) -> pd.DataFrame:
    """One row per method and seed; a method without results has no row.

    accuracy_mean, accuracy_last: test accuracy after the newest task. used_ratio: weights that all
    tasks own / weights of one network of width 1; this counts the weights of convolutions and
    hidden layers, and the numbers they are computed from, but no norms, biases or output layers.
    size_mb: MiB of all files, pretrained weights among them once, without what later tasks wrote
    again; size_ratio: the same / that of separate networks. A sum is empty where one of its tasks
    is missing.
    """
    sizes, goals = size_table(frame), goals_table(frame)
    lines = []
    for method in methods:
        for seed in sorted(frame.loc[frame["method"] == method, "seed"].unique()):
            matrix = accuracy_matrix(frame, method, seed, tasks)
            if len(matrix):
                line = {"method": method, "seed": seed, **_accuracies(matrix)}
                newest = tasks[len(matrix) - 1]
                line["width"] = _width(_of(frame, method, seed), newest)
                line |= _sizes(_of(sizes, method, seed), tasks[: len(matrix)])
                line["goals_met"] = _of(goals, method, seed)["met"].sum(min_count=1)
                lines.append(line)
    table = pd.DataFrame(lines, columns=list(SUMMARY_COLUMNS))
    return table.astype({"goals_met": "Int64"})


def published_table(
    frame: pd.DataFrame,
    published: pd.DataFrame,
    tasks: list[str],
    rows: Sequence[Sequence[str]],
) -> pd.DataFrame:
    """Published accuracies beside ours, in percent: each task, then the average, of each method.

    `published` has the columns method, task, accuracy_percent (Hung et al., NeurIPS 2019, poster);
    `rows` has published methods, each with the method of ours to print beside it and whether the
    "mean" or the "max" of that method's networks counts; a published method that is not in `rows`
    is printed with our columns empty, one that is there twice is printed twice. Only tasks on both
    sides count; our average takes only seeds that learned them all; ours_std is the sample
    deviation over seeds. A paper that prints averages alone has rows for the task "average", and
    `tasks`, how many they are over: only where the experiment has as many, ours stands beside them.
    An average that is not printed is over the tasks that the published method has, on both sides.
    """
    if "tasks" in published.columns:
        published = published[published["tasks"].isin([len(tasks)])]
    names = list(published["method"].unique())
    paper = published.pivot(index="method", columns="task", values="accuracy_percent")
    averages = paper["average"].dropna() if "average" in paper.columns else pd.Series()
    paper = paper[[task for task in tasks if task in paper.columns]]
    final = _final(frame, tasks)
    lines = []
    beside = [(name, *answer) for name in names for answer in _answers(rows, name)]
    for name, method, reduced in beside:
        printed = paper.loc[name].dropna()
        counted = tasks if name in averages else list(printed.index)
        if not counted:
            continue
        ours = final[final["method"] == method].pivot(index="seed", columns="task", values=reduced)
        ours = ours.reindex(columns=counted) * 100
        columns = [*ours[printed.index].items(), ("average", ours.mean(axis=1, skipna=False))]
        figures = [*printed, averages.get(name, printed.mean())]
        for (task, values), figure in zip(columns, figures, strict=True):
            mean = values.mean()
            stats = (figure, mean, values.std(), values.count(), mean - figure)
            lines.append((task, name, method, *stats))
    table = pd.DataFrame(lines, columns=list(PUBLISHED_COLUMNS[1:]))
    table.insert(0, "protocol", frame["protocol"].iloc[0] if len(frame) else "")
    return table


def _answers(rows: Sequence[Sequence[str]], published: str) -> list[Sequence[str]]:
    """Our methods beside a published one; one without a name where there is none."""
    return [one[1:] for one in rows if one[0] == published] or [("", "mean")]


def as_text(frame: pd.DataFrame) -> str:
    """A table as aligned plain text; accuracies as percent, sizes in MB, `-` where empty."""
    columns = []
    for (label, texts), (_, column) in zip(as_cells(frame).items(), frame.items(), strict=True):
        lines = [str(label), *texts]
        pad = str.rjust if is_number(column) else str.ljust
        columns.append([pad(line, max(map(len, lines))) for line in lines])
    return "\n".join("  ".join(line).rstrip() for line in zip(*columns, strict=True))


def _mean(values: pd.Series) -> float:
    # fsum does not depend on the order of attempts, so equal accuracies have equal means.
    return fsum(values) / len(values)


def _parts(
    rows: pd.DataFrame, metrics: tuple[str, ...], reduce: Callable[[pd.Series], float]
) -> pd.DataFrame:
    keys = ["method", "seed", "task"]
    table = rows.groupby([*keys, "metric"], sort=False)["value"].agg(reduce).unstack("metric")
    return table.reindex(columns=list(metrics)).rename_axis(columns=None).reset_index()


def _in_order(table: pd.DataFrame, frame: pd.DataFrame) -> pd.DataFrame:
    task_rank = {task: place for place, task in enumerate(learned_order(frame))}
    ranks = {"task": task_rank, "after_task": task_rank}
    ranks["method"] = {name: place for place, name in enumerate(frame["method"].unique())}
    by = [name for name in ("method", "seed", "after_task", "task") if name in table.columns]
    return table.sort_values(
        by,
        key=lambda column: column.map(ranks[column.name]) if column.name in ranks else column,
        kind="stable",
        ignore_index=True,
    )


def _of(frame: pd.DataFrame, method: str, seed: int) -> pd.DataFrame:
    return frame[(frame["method"] == method) & (frame["seed"] == seed)]


def _accuracies(matrix: Matrix) -> dict[str, float]:
    return {
        "tasks": len(matrix),
        "accuracy_mean": average_accuracy(matrix),
        "accuracy_last": float(matrix[-1, -1]),
        "forgetting_mean": forgetting(matrix),
        "bwt": backward_transfer(matrix),
    }


def _width(frame: pd.DataFrame, newest: str) -> float:
    return frame.loc[(frame["stage"] == "infer") & (frame["task"] == newest), "width"].iloc[-1]


def _sizes(sizes: pd.DataFrame, learned: list[str]) -> dict[str, float]:
    parts = sizes.set_index("task").reindex(learned)[list(SIZE_METRICS)].astype(float)
    total = parts.sum(skipna=False)
    in_use = total["bytes_file"] - parts["bytes_superseded"].fillna(0).sum()
    in_use += parts["bytes_ground"].fillna(0).max()
    return {
        "used_ratio": total["weights_owned"] / parts["weights_reference"].iloc[-1],
        "size_mb": in_use / MIB,
        "size_ratio": in_use / total["bytes_reference"],
    }


def _final(frame: pd.DataFrame, tasks: list[str]) -> pd.DataFrame:
    """Test accuracy after each seed's newest task: method, seed, task, mean, max over attempts."""
    infer = frame[(frame["stage"] == "infer") & (frame["metric"] == "accuracy")]
    infer = infer[(infer["split"] == "test") & infer["task"].isin(tasks)]
    place = infer["task"].map(tasks.index)
    newest = place.groupby([infer["method"], infer["seed"]]).transform("max")
    groups = infer[place == newest].groupby(["method", "seed", "on_task"], sort=False)["value"]
    table = groups.agg(mean=_mean, max="max").reset_index()
    return table.rename(columns={"on_task": "task"})
