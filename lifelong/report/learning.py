"""How tasks were learned one after another: curves, what was shared, and how that was decided.

Every function takes the table of `lifelong.records.tables.frame` and returns a new Figure.
"""

import math
from collections.abc import Sequence
from typing import Any

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.patches import Patch

from lifelong.records import learning, tables
from lifelong.report.plots import BLACK, BLUE, FREE, MARKED, PANELS_A_ROW, empty, titled

_POINTS = 600  # at most, in a curve: paper shows no more
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


def choosing_methods(frame: pd.DataFrame) -> set[str]:
    """The methods that recorded how probable each pattern is."""
    return set(frame.loc[frame["metric"] == _POSTERIOR, "method"])


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


def learning_curves(frame: pd.DataFrame, method: str, seed: int) -> Figure:
    """Live test accuracy on every task over all epochs; rings: committed, after each task."""
    title = titled(frame, method, seed)
    run = learning.live(_run(frame, method, seed))
    run = run[run["split"] == "test"]
    if not len(run):
        return empty(title)
    tasks = learning.learned_tasks(run, tables.learned_order(frame))
    percent, ends = 100 * learning.looks(run, tasks, "test"), learning.phase_ends(run, tasks)
    matrix = 100 * tables.accuracy_matrix(frame, method, seed, tasks)
    figure = Figure(figsize=(10.0, 4.8), layout="constrained")
    axes = figure.subplots()
    thin = _thinned(percent)
    line_width = 1.4 if len(tasks) < 6 else 0.9
    colours = matplotlib.colormaps["viridis"](np.linspace(0.0, 0.88, len(tasks)))
    for place, (task, colour) in enumerate(zip(tasks, colours, strict=True)):
        label = f"{place + 1} {task}"
        axes.plot(thin.index, thin[task], color=colour, linewidth=line_width, label=label)
        settled = matrix[place:, place]
        look: dict[str, Any] = {
            "markersize": 6,
            "markerfacecolor": "white",
            "clip_on": False,
            "zorder": 3,
        }
        axes.plot(ends[place:][: len(settled)], settled, "o", color=colour, **look)
    _phases(axes, ends)
    axes.plot([], [], "o", color=BLACK, markerfacecolor="white", label="committed")
    axes.set(xlabel="epoch, all tasks one after another", ylabel="test accuracy, live (%)")
    axes.set_xlim(0, ends[-1])
    axes.grid(axis="y", alpha=0.3)
    size = 7 if len(tasks) > 10 else 9
    figure.legend(loc="outside right upper", title="task", fontsize=size)
    figure.suptitle(title)
    return figure


def posterior(frame: pd.DataFrame, method: str, seed: int) -> Figure:
    """One panel per task: each pattern's probability over epochs; only the likeliest named."""
    title = titled(frame, method, seed)
    run = _run(frame, method, seed)
    rows = run[(run["stage"] == "train") & (run["metric"] == _POSTERIOR)]
    tasks = learning.learned_tasks(rows, tables.learned_order(frame))
    if not tasks:
        return empty(title)
    columns = min(PANELS_A_ROW, len(tasks))
    lines = math.ceil(len(tasks) / columns)
    width = max(6.5, 2.6 * columns + 0.8)  # room for the title
    figure = Figure(figsize=(width, 3.0 * lines + 0.8), layout="constrained")
    panels = list(figure.subplots(lines, columns, sharey=True, squeeze=False).flat)
    for panel, task in zip(panels, tasks, strict=False):
        _posterior_panel(panel, task, rows[rows["task"] == task])
    for panel in panels[len(tasks) :]:
        panel.set_axis_off()
    figure.supylabel("probability of a pattern", fontsize=10)
    figure.supxlabel("epoch of the task", fontsize=10)
    figure.suptitle(title, fontsize=11)
    return figure


def sharing(frame: pd.DataFrame, methods: Sequence[str], seed: int) -> Figure:
    """One panel per method: which layers (columns, nearest the image first) each task shares."""
    title = titled(frame, "layers shared", seed)
    chosen = learning.patterns(frame[frame["seed"] == seed])
    known = set(chosen.index.get_level_values("method")) if len(chosen) else set()
    shown = {m: chosen[m].droplevel("seed") for m in methods if m in known}
    if not shown:
        return empty(title)
    order = [task for task in tables.learned_order(frame) if any(task in p for p in shown.values())]
    depth = max(len(pattern) for patterns in shown.values() for pattern in patterns)
    wide, high = 0.22 * depth + 0.5, 0.2 * len(order) + 0.7
    columns = max(1, min(len(shown), int(9 / wide)))
    lines = math.ceil(len(shown) / columns)
    size = (max(5.5, wide * columns + 3.0), high * lines + 1.0)
    figure = Figure(figsize=size, layout=ConstrainedLayoutEngine(wspace=0.06))
    panels = list(figure.subplots(lines, columns, squeeze=False).flat)
    for place, (panel, (method, patterns)) in enumerate(zip(panels, shown.items(), strict=False)):
        _grid(panel, patterns.reindex(order).fillna(""), depth)
        panel.set_title(method, fontsize=9)
        panel.tick_params(labelleft=place % columns == 0)
    for panel in panels[len(shown) :]:
        panel.set_axis_off()
    figure.supxlabel("layer, 1 is nearest to the image", fontsize=9)
    marks = [Patch(color=BLUE, label="shared"), Patch(color=FREE, label="its own")]
    figure.legend(handles=marks, loc="outside right upper", fontsize=9)
    figure.suptitle(title, fontsize=11)
    return figure


def _run(frame: pd.DataFrame, method: str, seed: int) -> pd.DataFrame:
    return frame[(frame["method"] == method) & (frame["seed"] == seed)]


def _thinned(table: pd.DataFrame) -> pd.DataFrame:
    """Every n-th row and the last: more points than a figure can show only make its file large."""
    step = math.ceil(len(table) / _POINTS)
    return table[(np.arange(len(table)) % step == 0) | (np.arange(len(table)) == len(table) - 1)]


def _phases(axes: Axes, ends: list[int]) -> None:
    """A vertical line where the task changes, and each task's number above its epochs."""
    for number, (begin, end) in enumerate(zip([0, *ends], ends, strict=False), 1):
        axes.axvline(end, color=BLACK, linestyle=":", linewidth=0.8)
        place = ((begin + end) / 2, 1.01)
        axes.text(
            *place, str(number), transform=axes.get_xaxis_transform(), ha="center", fontsize=8
        )


def _posterior_panel(panel: Axes, task: str, rows: pd.DataFrame) -> None:
    table = rows.pivot(index="epoch", columns="pattern", values="value").sort_index()
    ranked = table.iloc[-1].sort_values(ascending=False, kind="stable").index
    named = ranked[: _NAMED if len(ranked) > _NAMED + 1 else len(ranked)]
    rest = table[ranked.difference(named)]
    thin, others = _thinned(table[named]), _thinned(rest)
    epochs = thin.index.astype(float)
    marker = "o" if len(thin) <= _FEW else ""  # a line needs two points
    for place, name in enumerate(named):
        width = 1.1 if place else 1.8
        (line,) = panel.plot(epochs, thin[name], color=MARKED[place][0], label=name)
        line.set(linewidth=width, marker=marker, markersize=2.5 * width)
    if rest.columns.size:
        low, high = others.min(axis="columns"), others.max(axis="columns")
        label = f"{rest.columns.size} others"
        panel.fill_between(epochs, low, high, color=FREE, linewidth=0, label=label)
    panel.axhline(1 / len(ranked), color=BLACK, linestyle=":", linewidth=0.8)
    panel.tick_params(labelsize=7)
    look: dict[str, Any] = {"frameon": False, "prop": {"family": "monospace", "size": 6.5}}
    look |= {"loc": "lower left", "bbox_to_anchor": (0, 1), "borderaxespad": 0.2, "ncols": 2}
    panel.legend(title=task, title_fontsize=8, alignment="left", **look)  # above the curves


def _grid(panel: Axes, patterns: pd.Series, depth: int) -> None:
    """One cell per task and layer, coloured shared or own; white where a task has no such layer."""
    letters = [list(pattern.ljust(depth)) for pattern in patterns]
    kinds = np.array([[{"S": 1.0, "-": 0.0}.get(one, math.nan) for one in row] for row in letters])
    panel.imshow(kinds, cmap=ListedColormap([FREE, BLUE]), vmin=0, vmax=1, aspect="auto")
    panel.set_xticks(range(depth), [str(layer + 1) for layer in range(depth)], fontsize=7)
    panel.set_yticks(range(len(patterns)), patterns.index, fontsize=7)
    panel.set_xticks(np.arange(depth - 1) + 0.5, minor=True)
    panel.set_yticks(np.arange(len(patterns) - 1) + 0.5, minor=True)
    panel.grid(which="minor", color="white", linewidth=1.5)
    panel.tick_params(which="both", length=0)
    panel.spines[:].set_visible(False)
