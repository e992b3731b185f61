"""The first table of the report: what every method reached on every task, and what that takes."""

from collections.abc import Mapping, Sequence

import pandas as pd

from lifelong.records import intervals
from lifelong.report import words
from lifelong.report.page import Line, PageTable, TableColumn

_SUMMARY = (  # column, title, factor, decimals; those of one value everywhere may be left out
    ("forgetting_mean", "forgotten", 100.0, 1),
    ("size_mb", "size MB", 1.0, 2),
    ("size_ratio", "of separate", 1.0, 2),
    ("used_ratio", "weights", 1.0, 2),
    ("width", "width", 1.0, 2),
)
_ABOUT = {
    "average": words.COLUMNS["accuracy_mean"],
    "forgotten": words.COLUMNS["forgetting_mean"],
    "size MB": words.COLUMNS["size_mb"],
    "of separate": words.COLUMNS["size_ratio"],
    "weights": words.COLUMNS["used_ratio"],
    "width": words.COLUMNS["width"],
    "goals met": words.COLUMNS["goals_met"],
}


def final(accuracies: pd.DataFrame) -> pd.DataFrame:
    """Test accuracy after each run's newest task: one row per method and seed, tasks in columns.

    `accuracies` is the table of `records.tables.accuracy_table`.
    """
    test = accuracies[accuracies["split"] == "test"]
    newest = test.groupby(["method", "seed"], sort=False)["after_task"].transform("last")
    last = test[test["after_task"] == newest]
    table = last.pivot(index=["method", "seed"], columns="task", values="accuracy")
    return table.reindex(index=last.set_index(["method", "seed"]).index.unique())


def mean_intervals(
    reached: pd.DataFrame, images: Mapping[str, int]
) -> dict[str, tuple[float, float]]:
    """By method, the interval of the mean accuracy that so many test images of each task leave."""
    means = reached.groupby(level="method", sort=False).mean()
    known = [task for task in means.columns if images.get(task)]
    counts = [images[task] for task in known]
    whole = means[known].dropna()
    return {
        str(method): intervals.of_mean([min(max(p, 0.0), 1.0) for p in row], counts)
        for method, row in zip(whole.index, whole.to_numpy().tolist(), strict=True)
        if counts
    }


def results(
    reached: pd.DataFrame,
    summary: pd.DataFrame,
    published: pd.DataFrame,
    tasks: Sequence[str],
) -> PageTable:
    """One line per method, below it what was published of it."""
    shown = [task for task in tasks if task in reached.columns]
    extra = [one for one in _SUMMARY if _worth(summary, one[0])]
    goals = "goals_met" in summary and summary["goals_met"].notna().any()
    titles = ["average", *(title for _, title, _, _ in extra), *(["goals met"] if goals else [])]
    columns = [
        TableColumn("method", ""),
        *(TableColumn(name, _ABOUT[name], True) for name in titles),
    ]
    columns += [TableColumn(task, "", True) for task in shown]
    lines, marks = [], _marks(summary)
    for method, runs in summary.groupby("method", sort=False):
        cells = [_cell(100 * runs["accuracy_mean"], 1)]
        cells += [_cell(factor * runs[name], decimals) for name, _, factor, decimals in extra]
        cells += [_met(runs)] if goals else []
        cells += [_cell(100 * reached[task].xs(method), 1) for task in shown]
        lines.append(Line(str(method), cells, marks.get(str(method), ())))
        lines += [
            _published(paper, str(name), titles, shown)
            for name, paper in published[published["ours"] == method].groupby("method", sort=False)
        ]
    return PageTable(columns, lines)


def _worth(summary: pd.DataFrame, name: str) -> bool:
    values = summary[name].dropna()
    return len(values) > 0 and not (name == "width" and (values == 1).all())


def _marks(summary: pd.DataFrame) -> dict[str, tuple[str, ...]]:
    """Methods that no other beats in both accuracy and size, and the one with most per byte."""
    means = summary.groupby("method", sort=False)[["accuracy_mean", "size_mb"]].mean().dropna()
    if len(means) < 2:
        return {}
    marks: dict[str, tuple[str, ...]] = {}
    for method, one in means.iterrows():
        smaller = means[means["size_mb"] < one["size_mb"]]
        equal = means[means["size_mb"] == one["size_mb"]]
        beaten = (smaller["accuracy_mean"] >= one["accuracy_mean"]).any()
        if not beaten and one["accuracy_mean"] == equal["accuracy_mean"].max():
            marks[str(method)] = ("front",)
    densest = str((means["accuracy_mean"] / means["size_mb"]).idxmax())
    marks[densest] = (*marks.get(densest, ()), "dense")
    return marks


def _cell(values: pd.Series, decimals: int) -> str:
    """The mean, and the sample deviation where there are several values and it is not 0.0."""
    values = values.dropna().astype(float)
    if not len(values):
        return "-"
    parts = [values.mean(), *([values.std(ddof=1)] if len(values) > 1 else [])]
    mean, *spread = [f"{round(part, decimals) + 0.0:.{decimals}f}" for part in parts]
    return " ± ".join([mean, *(one for one in spread if float(one))])


def _met(runs: pd.DataFrame) -> str:
    met = runs["goals_met"].dropna().astype(float)
    return f"{round(met.mean(), 1):g} of {runs['tasks'].max()}" if len(met) else "-"


def _published(table: pd.DataFrame, name: str, titles: list[str], tasks: list[str]) -> Line:
    percent = table.set_index("task")["published_percent"]
    cells = [f"{percent['average']:.1f}" if "average" in percent else "-"]
    cells += ["" for _ in titles[1:]]
    cells += [f"{percent[task]:.1f}" if task in percent else "" for task in tasks]
    return Line(f"published: {name}", cells, published=True)
