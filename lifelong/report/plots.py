"""The figures of a report, drawn from the rows of one experiment without any global plot state.

Every function takes the table of `lifelong.records.tables.frame` and returns a new Figure; where
nothing was recorded yet the figure says so.
"""

import io
import math
from typing import Any

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lifelong.records import tables
from lifelong.records.rows import REJECTED

# Okabe & Ito's colours, told apart with every common colour blindness.
BLUE, ORANGE, GREEN, PINK = "#0072B2", "#E69F00", "#009E73", "#CC79A7"
SKY, RED, BLACK = "#56B4E9", "#D55E00", "#000000"
FREE = "#E0E0E0"
MARKED = ((BLUE, "o"), (RED, "s"), (GREEN, "^"), (PINK, "D"), (ORANGE, "v"), (SKY, "P"))
PANELS_A_ROW = 5
_LABELLED = 8  # points with their names beside them, at most
_WIDE = 20  # sizes so far apart are shown by their orders of magnitude


def svg(figure: Figure) -> str:
    """The figure as SVG text; the same figure gives the same text, which holds no date."""
    text = io.StringIO()
    with matplotlib.rc_context({"svg.hashsalt": "lifelong", "svg.fonttype": "none"}):
        figure.savefig(
            text, format="svg", metadata=dict.fromkeys(("Date", "Creator", "Format", "Type"))
        )
    return text.getvalue()


def accuracy_matrix(frame: pd.DataFrame, method: str, seed: int) -> Figure:
    """Test accuracy on each task (columns) after learning each task (rows), in percent."""
    tasks = tables.learned_order(frame)
    percent = 100 * tables.accuracy_matrix(frame, method, seed, tasks)
    title = titled(frame, method, seed)
    if not len(percent):
        return empty(title)
    count = len(percent)
    inches = max(4.5, 0.42 * count + 2.0)
    figure = Figure(figsize=(inches + 1.0, inches), layout="constrained")
    axes = figure.subplots()
    lowest = 10 * math.floor(np.nanmin(percent) / 10)
    image = axes.imshow(percent, cmap="cividis", vmin=min(lowest, 90), vmax=100)
    figure.colorbar(image, ax=axes, label="test accuracy (%)", shrink=0.8)
    _write_cells(axes, percent, small=count > 10)
    turned, side = (90, "center") if count > 10 else (30, "right")
    axes.set_xticks(range(count), tasks[:count], rotation=turned, ha=side)
    axes.set_yticks(range(count), tasks[:count])
    axes.set(xlabel="measured on task", ylabel="after learning task")
    figure.suptitle(title)
    return figure


def accuracy_against_ratio(frame: pd.DataFrame, method: str, seed: int) -> Figure:
    """One panel per task: accuracy after each pruning rung, the goal, and the ratio chosen."""
    title = titled(frame, method, seed)
    runs = frame[(frame["method"] == method) & (frame["seed"] == seed)]
    rungs = runs[(runs["stage"] == "prune") & (runs["metric"] == "accuracy")]
    rejected = runs[(runs["stage"] == "prune") & (runs["metric"] == REJECTED)]
    tasks = [task for task in tables.learned_order(frame) if (rungs["task"] == task).any()]
    if not tasks:
        return empty(title)
    columns = min(PANELS_A_ROW, len(tasks))
    lines = math.ceil(len(tasks) / columns)
    figure = Figure(figsize=(2.4 * columns + 0.6, 2.1 * lines + 1.0), layout="constrained")
    panels = list(figure.subplots(lines, columns, sharex=True, sharey=True, squeeze=False).flat)
    goals = tables.goals_table(runs)
    for panel, task in zip(panels, tasks, strict=False):
        here = [part[part["task"] == task] for part in (rungs, rejected, goals)]
        _ratio_panel(panel, *here)
        panel.set_title(task, fontsize=8)
    for panel in panels[len(tasks) :]:
        panel.set_axis_off()
    for panel in panels[: len(tasks)][-columns:]:
        panel.tick_params(labelbottom=True)
        panel.set_xlabel("pruning ratio", fontsize=8)
    _legend_below(figure)
    figure.supylabel("accuracy (%)", fontsize=10)
    figure.suptitle(title)
    return figure


def weight_owners(frame: pd.DataFrame, method: str, seed: int) -> Figure:
    """After each task, the weights every task owns and those still free, stacked."""
    title = titled(frame, method, seed)
    sizes = tables.size_table(frame[(frame["method"] == method) & (frame["seed"] == seed)])
    sizes = sizes.dropna(subset=["weights_owned", "weights_reference"])
    if not len(sizes):
        return empty(title)
    tasks, count = list(sizes["task"]), len(sizes)
    reference = sizes["weights_reference"].to_numpy(dtype=float)
    owned = sizes["weights_owned"].to_numpy(dtype=float) / reference
    free = sizes["weights_free"].to_numpy(dtype=float, na_value=0.0) / reference
    figure = Figure(figsize=(max(6.5, 0.4 * count + 4.0), 5.0), layout="constrained")
    axes = figure.subplots()
    colours = matplotlib.colormaps["viridis"](np.linspace(0.0, 0.95, count))
    places, below = np.arange(count), np.zeros(count)
    edges: dict[str, Any] = {"edgecolor": "white", "linewidth": 0.4}
    for place, task in enumerate(tasks):
        height = np.where(places >= place, owned[place], 0.0)
        label = f"{place + 1} {task}"
        axes.bar(places, height, bottom=below, color=colours[place], label=label, **edges)
        below += height
    axes.bar(places, free, bottom=below, color=FREE, hatch="//", label="free", **edges)
    axes.axhline(1.0, color=BLACK, linestyle=":", linewidth=1)
    axes.set_xticks(places, [str(place + 1) for place in places])
    axes.set(xlabel="after learning task", ylabel="weights / weights of the network of width 1")
    marks, labels = axes.get_legend_handles_labels()
    size = 7 if count > 10 else 9
    upside = {"handles": marks[::-1], "labels": labels[::-1]}  # in the order they are stacked
    figure.legend(**upside, loc="outside right upper", title="owned by task", fontsize=size)
    axes.set_title(title, fontsize=11)
    return figure


def accuracy_against_size(frame: pd.DataFrame, tasks: list[str], methods: list[str]) -> Figure:
    """Each method's final accuracy against its files' size: seeds faint, their mean labelled."""
    summary = tables.summary_table(frame, tasks, methods).dropna(subset=["size_mb"])
    title = titled(frame, "all methods", *summary["seed"].unique())
    if not len(summary):
        return empty(title)
    many = summary["method"].nunique() > _LABELLED
    figure = Figure(figsize=(9.0 if many else 7.0, 4.8), layout="constrained")
    axes = figure.subplots()
    summary = summary.assign(percent=100 * summary["accuracy_mean"])
    points = []
    for place, (method, runs) in enumerate(summary.groupby("method", sort=False)):
        colour, shape = _mark(place)
        axes.scatter(runs["size_mb"], runs["percent"], color=colour, marker=shape, alpha=0.3, s=20)
        x, y = float(runs["size_mb"].mean()), float(runs["percent"].mean())
        axes.scatter(x, y, color=colour, marker=shape, s=55, label=str(method))
        points.append((x, y, str(method)))
    axes.margins(0.12)
    smallest, largest = summary["size_mb"].min(), summary["size_mb"].max()
    if largest > _WIDE * smallest:  # the small ones would lie in one heap
        axes.set_xscale("log")
        axes.set_xlim(0.7 * smallest, 2 * largest)
    else:
        axes.set_xlim(left=0, right=1.25 * largest)
    axes.set(xlabel="size of all tasks' files (MB)", ylabel="mean test accuracy (%)")
    axes.grid(alpha=0.3)
    figure.suptitle(title)
    if many:  # labels would lie on each other
        figure.legend(loc="outside right upper", fontsize=8)
        return figure
    figure.draw_without_rendering()  # fixes the axes, so that label places can be measured
    _label_points(axes, points)
    return figure


def _mark(place: int) -> tuple[str, str]:
    """A colour and a shape for the method at a place: no two alike up to the 36th."""
    colour, _ = MARKED[place % len(MARKED)]
    _, shape = MARKED[(place + place // len(MARKED)) % len(MARKED)]
    return colour, shape


def titled(frame: pd.DataFrame, method: str, *seeds: int) -> str:
    """What a figure is about: the experiment, the method, its seeds and the protocol."""
    experiment, protocol = (
        frame[name].iloc[0] if len(frame) else "?" for name in ("experiment", "protocol")
    )
    word = "seed" if len(seeds) == 1 else "seeds"
    listed = ", ".join(map(str, seeds))
    return f"{experiment}: {method}, {word} {listed}, protocol {protocol}"


def empty(title: str) -> Figure:
    """A figure that says that nothing was recorded."""
    figure = Figure(figsize=(6.0, 1.6))
    figure.suptitle(title)
    figure.text(0.5, 0.4, "nothing recorded yet", ha="center")
    return figure


def _write_cells(axes: Axes, percent: np.ndarray, small: bool) -> None:
    low, high = axes.images[0].get_clim()
    for (row, column), value in np.ndenumerate(percent):
        if not math.isnan(value):
            colour = "black" if value > (low + high) / 2 else "white"
            text = f"{value:.0f}" if small else f"{value:.1f}"
            size = 7 if small else 9
            axes.text(column, row, text, ha="center", va="center", color=colour, fontsize=size)


def _ratio_panel(
    panel: Axes, rungs: pd.DataFrame, rejected: pd.DataFrame, goals: pd.DataFrame
) -> None:
    for split, points in rungs.groupby("split"):
        look = "s--" if split == "train" else "o-"
        colour = ORANGE if split == "train" else BLUE
        points = points.sort_values("ratio")
        ratio, percent = points["ratio"], 100 * points["value"]
        panel.plot(ratio, percent, look, color=colour, markersize=3, label=f"{split} accuracy")
    for split, points in rejected.groupby("split"):
        colour = ORANGE if split == "train" else BLUE
        panel.plot(
            points["ratio"],
            100 * points["value"],
            "x",
            color=colour,
            markersize=5,
            label="rejected",
        )
    for goal in goals["goal"].dropna():
        panel.axhline(100 * goal, color=BLACK, linestyle=":", linewidth=1, label="goal")
    for ratio in goals["ratio"].dropna():
        panel.axvline(ratio, color=PINK, linewidth=2, alpha=0.7, label="ratio chosen")
    panel.tick_params(labelsize=7)
    panel.grid(alpha=0.3)


def _legend_below(figure: Figure) -> None:
    """One legend for all panels; each label once."""
    marks: dict[str, Artist] = {}
    for panel in figure.axes:
        for mark, label in zip(*panel.get_legend_handles_labels(), strict=True):
            marks.setdefault(label, mark)
    figure.legend(list(marks.values()), list(marks), loc="outside lower center", ncols=4)


def _label_points(axes: Axes, points: list[tuple[float, float, str]]) -> None:
    """Writes each name right of its point, pushed up where it would touch a lower one."""
    taken: list[tuple[float, float]] = []
    for x, y, name in sorted(points, key=lambda point: point[1]):
        left, level = axes.transData.transform((x, y))
        above = level
        for other_left, other_level in sorted(taken, key=lambda place: place[1]):
            if abs(other_left - left) < 110 and above - other_level < 14:
                above = other_level + 14
        taken.append((left, above))
        axes.annotate(
            name,
            (x, y),
            xytext=(9, (above - level) * 72 / axes.figure.dpi - 3),
            textcoords="offset points",
            fontsize=9,
        )
