"""How tasks were learned one after another: curves, what was shared, and how that was decided.

Every function takes the table of `lifelong.records.tables.frame` and returns a new Figure.
"""

import math
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator

from lifelong.records import learning, tables
from lifelong.report.canvas import (
    BLUE,
    FREE,
    ORANGE,
    PANEL,
    PAPER,
    QUIET,
    RULE,
    empty,
    panel,
    percent_axis,
    sequence,
    shortened,
    styled,
)
from lifelong.report.plots import MARKED

_POINTS = 300  # at most, in a curve: paper shows no more
_FEW = 20  # measurements, at most, that are marked one by one
_NAMED = 4  # patterns drawn by name; the others are a band
_COLUMNS = {  # as the page calls a metric, the factor, decimals
    "peak_accuracy": ("peak %", 100, 1),
    "final_accuracy": ("final %", 100, 1),
    "final_accuracy_live": ("final live %", 100, 1),
    "forgetting_ratio": ("final / peak", 1, 2),
    "forgetting_ratio_live": ("final live / peak", 1, 2),
    "convergence_epoch": ("epochs to 98 % of the peak", 1, 0),
}
ABOUT = (
    "Peak: test accuracy of a task at the first epoch with its best validation accuracy while it "
    "is learned. Final: after the newest task, as committed; live: as last measured in training, "
    "before the task has settled which layers it shares. Final / peak: of older tasks, 1 is "
    "nothing forgotten. All are means over tasks, then over seeds; ± is the sample deviation of "
    "the seeds' means."
)
_POSTERIOR = "posterior"


def learning_methods(frame: pd.DataFrame) -> set[str]:
    """The methods that measured all tasks while they learned one."""
    return set(learning.live(frame)["method"])


def with_spread(means: pd.DataFrame) -> pd.DataFrame:
    """The table of `mean_over_seeds` as text: means, and with several seeds their spread."""
    shown: dict[str, Any] = {"method": means["method"], "seeds": means["seeds"].astype(int)}
    for name, (title, factor, decimals) in _COLUMNS.items():
        pairs = zip(factor * means[name], factor * means[f"{name}_std"], strict=True)
        shown[title] = [_spread(mean, std, decimals) for mean, std in pairs]
    shown["weights"] = means["weights_model"].round().astype("Int64")
    return pd.DataFrame(shown)


def _spread(mean: float, std: float, decimals: int) -> str:
    texts = [f"{value:.{decimals}f}" for value in (mean, std) if not math.isnan(value)]
    return " ± ".join(texts) or "-"


@styled
def learning_curves(frame: pd.DataFrame, method: str, seed: int) -> Figure:
    """Live test accuracy on every task over all epochs; rings: committed, after each task."""
    run = learning.live(_run(frame, method, seed))
    run = run[run["split"] == "test"]
    if not len(run):
        return empty(method)
    tasks = learning.learned_tasks(run, tables.learned_order(frame))
    percent, ends = 100 * learning.looks(run, tasks, "test"), learning.phase_ends(run, tasks)
    matrix = 100 * tables.accuracy_matrix(frame, method, seed, tasks)
    figure, axes = panel(method)
    thin = _thinned(percent)
    line_width = 1.5 if len(tasks) < 6 else 0.9
    for place, (task, colour) in enumerate(zip(tasks, sequence(len(tasks)), strict=True)):
        label = f"{place + 1} {task}"
        axes.plot(thin.index, thin[task], color=colour, linewidth=line_width, label=label)
        settled = matrix[place:, place]
        look: dict[str, Any] = {"markersize": 4.5, "markerfacecolor": PAPER, "clip_on": False}
        axes.plot(ends[place:][: len(settled)], settled, "o", color=colour, zorder=3, **look)
    _phases(axes, ends)
    percent_axis(axes, percent.to_numpy()[percent.notna().to_numpy()].tolist())
    axes.set(xlabel="epoch, tasks one after another", ylabel="test accuracy (%)")
    return figure


def _epochs(frame: pd.DataFrame) -> pd.DataFrame:
    """The accuracies of one task after each epoch in which it was learned for the first time."""
    stages = frame["stage"].isin(("train", "baseline")) & (frame["metric"] == "accuracy")
    rows = frame[stages & frame["epoch"].notna() & frame["on_task"].isna()]
    return rows[rows["attempt"].fillna(0) == 0]


@styled
def training_curves(frame: pd.DataFrame, method: str, seed: int) -> Figure:
    """Accuracy on the deciding split and in training, over the epochs of task after task."""
    run = _epochs(_run(frame, method, seed))
    if not len(run):
        return empty(method)
    tasks = learning.learned_tasks(run, tables.learned_order(frame))
    figure, axes = panel(method)
    ends = learning.phase_ends(run, tasks)
    for task, begin in zip(tasks, [0, *ends], strict=False):
        own = run[run["task"] == task]
        for split, colour in (("train", ORANGE), ("test", BLUE), ("validation", BLUE)):
            line = own[own["split"] == split].set_index("epoch")["value"].sort_index()
            if len(line):
                thin = _thinned(100 * line.to_frame())["value"]
                look: dict[str, Any] = {
                    "linewidth": 1.5,
                    "markersize": 3,
                    "marker": "o" if len(thin) == 1 else "",
                }
                axes.plot(begin + thin.index.astype(float), thin, color=colour, label=split, **look)
    _phases(axes, ends)
    percent_axis(axes, [100 * value for value in run["value"]])
    axes.set(xlabel="epoch, tasks one after another", ylabel="accuracy (%)")
    return figure


@styled
def posterior(frame: pd.DataFrame, method: str, seed: int, task: str) -> Figure:
    """Each pattern's probability over the epochs of a task; only the likeliest named."""
    run = _run(frame, method, seed)
    rows = run[(run["stage"] == "train") & (run["metric"] == _POSTERIOR) & (run["task"] == task)]
    if not len(rows):
        return empty(task)
    figure, axes = panel(task, (PANEL[0], PANEL[1] + 0.4))
    table = rows.pivot(index="epoch", columns="pattern", values="value").sort_index()
    ranked = table.iloc[-1].sort_values(ascending=False, kind="stable").index
    named = ranked[: _NAMED if len(ranked) > _NAMED + 1 else len(ranked)]
    rest = table[ranked.difference(named)]
    thin, others = _thinned(table[named]), _thinned(rest)
    epochs = thin.index.astype(float)
    marker = "o" if len(thin) <= _FEW else ""  # a line needs two points
    for place, name in enumerate(named):
        width = 1.3 if place else 2.0
        (line,) = axes.plot(epochs, thin[name], color=MARKED[place][0], label=name)
        line.set(linewidth=width, marker=marker, markersize=2 * width)
    if rest.columns.size:
        low, high = others.min(axis="columns"), others.max(axis="columns")
        label = f"{rest.columns.size} others"
        axes.fill_between(epochs, low, high, color=RULE, linewidth=0, label=label)
    axes.axhline(1 / len(ranked), color=QUIET, linestyle=(0, (2, 2)), linewidth=0.9)
    axes.set(xlabel="epoch of the task", ylabel="probability")
    letters: dict[str, Any] = {"prop": {"family": "monospace", "size": 7.5}}
    figure.legend(loc="outside lower left", ncols=3, handlelength=1.2, **letters)
    return figure


def choosing_tasks(frame: pd.DataFrame, method: str, seed: int) -> list[str]:
    """The tasks for which a run recorded how probable each pattern is, in the order learned."""
    run = _run(frame, method, seed)
    rows = run[(run["stage"] == "train") & (run["metric"] == _POSTERIOR)]
    return learning.learned_tasks(rows, tables.learned_order(frame))


def sharing_methods(frame: pd.DataFrame, seed: int) -> set[str]:
    """The methods that chose, or were given, which layers each task shares."""
    chosen = learning.patterns(frame[frame["seed"] == seed])
    return set(chosen.index.get_level_values("method")) if len(chosen) else set()


@styled
def sharing(frame: pd.DataFrame, method: str, seed: int) -> Figure:
    """Which layers (columns, nearest the image first) each task (rows) shares."""
    chosen = learning.patterns(_run(frame, method, seed))
    if not len(chosen):
        return empty(method)
    patterns = chosen[method].droplevel("seed")
    order = [task for task in tables.learned_order(frame) if task in patterns]
    depth = max(map(len, patterns))
    figure = Figure(figsize=(PANEL[0], 0.22 * len(order) + 0.75), layout="constrained")
    axes = figure.subplots()
    axes.set_title(shortened(method, PANEL[0]))
    for row, task in enumerate(order):
        for layer, letter in enumerate(patterns[task]):
            colour = BLUE if letter == "S" else FREE
            corner = (layer - 0.47, row - 0.44)
            axes.add_patch(Rectangle(corner, 0.94, 0.88, facecolor=colour, linewidth=0))
    axes.set(xlim=(-0.5, depth - 0.5), ylim=(len(order) - 0.5, -0.5))
    axes.set_xticks(range(depth), [str(layer + 1) for layer in range(depth)])
    axes.set_yticks(range(len(order)), [shortened(task, 1.4) for task in order])
    axes.spines[:].set_visible(False)
    axes.set_xlabel("layer, 1 is nearest to the image")
    return figure


def _run(frame: pd.DataFrame, method: str, seed: int) -> pd.DataFrame:
    return frame[(frame["method"] == method) & (frame["seed"] == seed)]


def _thinned(table: pd.DataFrame) -> pd.DataFrame:
    """Every n-th row and the last: more points than a figure can show only make its file large."""
    step = math.ceil(len(table) / _POINTS)
    return table[(np.arange(len(table)) % step == 0) | (np.arange(len(table)) == len(table) - 1)]


def _phases(axes: Axes, ends: list[int]) -> None:
    """A line where the task changes, and each task's number above its epochs."""
    axes.set_xlim(0, ends[-1])
    axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    axes.set_title(axes.get_title(loc="left"), pad=14)
    for number, (begin, end) in enumerate(zip([0, *ends], ends, strict=False), 1):
        if end < ends[-1]:
            axes.axvline(end, color=QUIET, linestyle=(0, (1, 2)), linewidth=0.9)
        place = ((begin + end) / 2, 1.015)
        look: dict[str, Any] = {"ha": "center", "fontsize": 8, "color": QUIET}
        axes.text(*place, str(number), transform=axes.get_xaxis_transform(), **look)
