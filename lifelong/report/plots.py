"""The figures of a report, drawn from the rows of one experiment without any global plot state.

Nearly every function takes the table of `lifelong.records.tables.frame`. Each returns a new Figure;
where nothing was recorded yet, that says so. Nearly all are small multiples: one method, one task.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator

from lifelong.records import tables
from lifelong.records.durations import time_words
from lifelong.records.rows import REJECTED
from lifelong.report.canvas import (
    BLUE,
    FREE,
    GREEN,
    INK,
    ORANGE,
    PANEL,
    PAPER,
    PINK,
    QUIET,
    RED,
    SKY,
    empty,
    panel,
    percent_axis,
    sequence,
    shortened,
    styled,
)

MARKED = ((BLUE, "o"), (RED, "s"), (GREEN, "^"), (PINK, "D"), (ORANGE, "v"), (SKY, "P"))
_LABELLED = 8  # points with their names beside them, at most
_SHORT = 14  # letters of a name of which three fit side by side in a legend
_WIDE = 20  # sizes so far apart are shown by their orders of magnitude
_STAGES = {  # of whose time the report tells: stages that train or measure
    "baseline": SKY,
    "train": BLUE,
    "expand": PINK,
    "prune": ORANGE,
    "retrain": GREEN,
    "infer": QUIET,
}


@styled
def accuracy_matrix(frame: pd.DataFrame, method: str, seed: int) -> Figure:
    """Test accuracy on each task (columns) after learning each task (rows), in percent."""
    tasks = tables.learned_order(frame)
    percent = 100 * tables.accuracy_matrix(frame, method, seed, tasks)
    if not len(percent):
        return empty(method)
    count = len(percent)
    inches = max(PANEL[0], 0.3 * count + 1.6)
    figure = Figure(figsize=(inches, 0.75 * inches), layout="constrained")
    axes = figure.subplots()
    axes.set_title(shortened(method, inches))
    axes.set(xlim=(-0.5, count - 0.5), ylim=(count - 0.5, -0.5))
    _cells(axes, percent)
    names = [shortened(name, 1.4) for name in tasks[:count]]
    axes.set_xticks(range(count), [str(place + 1) for place in range(count)])
    axes.set_yticks(range(count), [f"{name}  {i}" for i, name in enumerate(names, 1)])
    axes.spines[:].set_visible(False)
    axes.set_xlabel("measured on task")
    axes.set_ylabel("after task")
    return figure


def _cells(axes: Axes, percent: np.ndarray) -> None:
    """A square for each number, the deeper the higher: as much blue over the paper, in any mode."""
    low = 10.0 * math.floor(float(np.nanmin(percent)) / 10)
    high = max(low + 10, 10.0 * math.ceil(float(np.nanmax(percent)) / 10))
    for (row, column), value in np.ndenumerate(percent):
        if math.isnan(value):
            continue
        depth = 0.08 + 0.82 * (value - low) / (high - low)
        corner = (column - 0.48, row - 0.48)
        axes.add_patch(Rectangle(corner, 0.96, 0.96, facecolor=BLUE, alpha=depth, linewidth=0))
        text = f"{value:.0f}" if len(percent) > 8 else f"{value:.1f}"
        colour = PAPER if depth > 0.6 else INK
        axes.text(column, row, text, ha="center", va="center", color=colour, fontsize=8)


def pruned_tasks(frame: pd.DataFrame, method: str, seed: int) -> list[str]:
    """The tasks of a run that were pruned, in the order learned."""
    rungs = _rungs(frame, method, seed)
    return [task for task in tables.learned_order(frame) if (rungs["task"] == task).any()]


def _rungs(frame: pd.DataFrame, method: str, seed: int) -> pd.DataFrame:
    runs = frame[(frame["method"] == method) & (frame["seed"] == seed)]
    return runs[(runs["stage"] == "prune") & runs["metric"].isin(("accuracy", REJECTED))]


@styled
def accuracy_against_ratio(frame: pd.DataFrame, method: str, seed: int, task: str) -> Figure:
    """One task: accuracy after each pruning rung, rejected ones too, the goal and the choice."""
    rungs = _rungs(frame, method, seed)
    rungs = rungs[rungs["task"] == task]
    if not len(rungs):
        return empty(task)
    runs = frame[(frame["method"] == method) & (frame["seed"] == seed) & (frame["task"] == task)]
    goals = tables.goals_table(runs)
    figure, axes = panel(task)
    for ratio in goals["ratio"].dropna():
        axes.axvline(ratio, color=PINK, linewidth=6, alpha=0.45, label="ratio chosen")
    for split, points in rungs.groupby("split"):
        look, colour = ("s--", ORANGE) if split == "train" else ("o-", BLUE)
        points = points.sort_values("ratio").assign(value=100 * points["value"])
        kept = points[points["metric"] == "accuracy"]
        label: dict[str, Any] = {"label": f"{split} accuracy", "markersize": 3, "linewidth": 1.3}
        axes.plot(kept["ratio"], kept["value"], look, color=colour, **label)
        missed = points[points["metric"] == REJECTED]
        cross: dict[str, Any] = {"markersize": 6, "mew": 1.6, "label": "rung rejected"}
        if len(missed):
            axes.plot(missed["ratio"], missed["value"], "x", color=colour, **cross)
    for goal in goals["goal"].dropna():
        axes.axhline(100 * goal, color=INK, linestyle=(0, (1, 2)), linewidth=1.2, label="goal")
    axes.set(xlim=(-0.04, 1.0), xlabel="share of the task's weights released")
    axes.set_ylabel("accuracy (%)")
    percent_axis(axes, [100 * value for value in (*rungs["value"], *goals["goal"].dropna())])
    return figure


@styled
def weight_owners(frame: pd.DataFrame, method: str, seed: int) -> Figure:
    """After each task, the weights every task owns and those still free, stacked."""
    sizes = tables.size_table(frame[(frame["method"] == method) & (frame["seed"] == seed)])
    sizes = sizes.dropna(subset=["weights_owned", "weights_reference"])
    if not len(sizes):
        return empty(method)
    tasks, count = list(sizes["task"]), len(sizes)
    reference = sizes["weights_reference"].to_numpy(dtype=float)
    owned = sizes["weights_owned"].to_numpy(dtype=float) / reference
    free = sizes["weights_free"].to_numpy(dtype=float, na_value=0.0) / reference
    figure, axes = panel(method, (PANEL[0] + 0.1 * max(0, count - 8), PANEL[1] + 0.35))
    colours = sequence(count)
    places, below = np.arange(count), np.zeros(count)
    edges: dict[str, Any] = {"edgecolor": PAPER, "linewidth": 0.5, "width": 0.82}
    for place, task in enumerate(tasks):
        if not owned[place]:
            continue
        height = np.where(places >= place, owned[place], 0.0)
        label = shortened(f"{place + 1} {task}", 1.3)
        axes.bar(places, height, bottom=below, color=colours[place], label=label, **edges)
        below += height
    if free.any():
        axes.bar(places, free, bottom=below, color=FREE, label="free", **edges)
    axes.axhline(1.0, color=QUIET, linestyle=(0, (2, 2)), linewidth=0.9)
    axes.set_xticks(places, [str(place + 1) for place in places])
    axes.set(xlabel="after task", ylabel="weights, of one network")
    marks, labels = axes.get_legend_handles_labels()
    if not marks:  # weights that nobody trains, and picks alone
        return empty(method, "no task owns weights")
    upside = {"handles": marks[::-1], "labels": labels[::-1]}  # in the order they are stacked
    small: dict[str, Any] = {"handlelength": 0.8, "handleheight": 0.8, "labelspacing": 0.3}
    figure.legend(**upside, loc="outside right upper", fontsize=7 if count > 10 else 8, **small)
    return figure


@styled
def accuracy_against_size(
    summary: pd.DataFrame, ends: Mapping[str, tuple[float, float]] | None = None
) -> Figure:
    """Each method's final accuracy against its files' size: seeds faint, their mean labelled.

    `summary`: a row per method and seed, as `lifelong.records.tables.summary_table` gives them.
    `ends`: by method, the interval of its mean accuracy that the number of test images leaves.
    """
    summary = summary.dropna(subset=["size_mb"])
    if not len(summary):
        return empty("accuracy against size")
    names = summary["method"].astype(str).unique()
    many = len(names) > _LABELLED
    columns = 3 if max(map(len, names)) <= _SHORT else 2
    rows = math.ceil(len(names) / columns) if many else 0
    figure = Figure(figsize=(4.4, 3.4 + 0.19 * rows), layout="constrained")
    axes = figure.subplots()
    axes.grid()
    summary = summary.assign(percent=100 * summary["accuracy_mean"])
    points = []
    for place, (method, runs) in enumerate(summary.groupby("method", sort=False)):
        colour, shape = _mark(place)
        x, y = float(runs["size_mb"].mean()), float(runs["percent"].mean())
        if ends and method in ends:
            low, high = (100 * end for end in ends[str(method)])
            axes.vlines(x, low, high, color=colour, linewidth=1.2, alpha=0.55)
        if len(runs) > 1:
            seeds = (runs["size_mb"], runs["percent"])
            axes.scatter(*seeds, color=colour, marker=shape, alpha=0.35, s=14, linewidths=0)
        axes.scatter(x, y, color=colour, marker=shape, s=46, label=str(method), zorder=3)
        points.append((x, y, str(method)))
    _size_axis(axes, summary)
    axes.margins(y=0.12)
    axes.set(xlabel="size of all tasks' files (MB)", ylabel="mean test accuracy (%)")
    if many:  # labels would lie on each other
        figure.legend(
            loc="outside lower center", ncols=columns, columnspacing=1.2, handletextpad=0.2
        )
        return figure
    figure.draw_without_rendering()  # fixes the axes, so that label places can be measured
    _label_points(axes, points)
    return figure


def _size_axis(axes: Axes, summary: pd.DataFrame) -> None:
    smallest, largest = summary["size_mb"].min(), summary["size_mb"].max()
    if largest <= _WIDE * smallest:
        axes.set_xlim(left=0, right=1.25 * largest)
        axes.xaxis.set_major_locator(MaxNLocator(6))
        return
    axes.set_xscale("log")  # the small ones would lie in one heap
    axes.set_xlim(0.7 * smallest, 2.2 * largest)
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
    axes.xaxis.set_minor_formatter(lambda value, _: "")
    axes.tick_params(which="minor", length=0)


@styled
def stage_times(seconds: Mapping[str, Mapping[str, float]]) -> Figure:
    """By method, the seconds of its stages of each kind, stacked; the sum beside the bar."""
    if not seconds:
        return empty("time per stage")
    figure, axes = panel("", (4.4, 0.26 * len(seconds) + 1.15))
    names = list(seconds)
    left = np.zeros(len(names))
    for kind, colour in _STAGES.items():
        minutes = np.array([seconds[name].get(kind, 0.0) for name in names]) / 60
        if minutes.any():
            edge: dict[str, Any] = {"edgecolor": PAPER, "linewidth": 0.5, "height": 0.7}
            axes.barh(names, minutes, left=left, color=colour, label=kind, **edge)
            left += minutes
    for place, total in enumerate(left):
        words = time_words(60 * total)
        axes.text(total + 0.01 * left.max(), place, words, va="center", fontsize=8, color=QUIET)
    axes.grid(visible=False, axis="y")
    axes.grid(axis="x")
    axes.invert_yaxis()
    axes.set_xlim(0, 1.25 * max(left.max(), 1e-3))
    axes.set_xlabel("minutes, all seeds and tasks together")
    axes.tick_params(axis="y", labelcolor=INK)
    figure.legend(loc="outside upper left", ncols=3, handlelength=0.8, handleheight=0.8)
    return figure


def _mark(place: int) -> tuple[str, str]:
    """A colour and a shape for the method at a place: no two alike up to the 36th."""
    colour, _ = MARKED[place % len(MARKED)]
    _, shape = MARKED[(place + place // len(MARKED)) % len(MARKED)]
    return colour, shape


def _label_points(axes: Axes, points: Sequence[tuple[float, float, str]]) -> None:
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
            xytext=(8, (above - level) * 72 / axes.figure.dpi - 3),
            textcoords="offset points",
            fontsize=9,
        )
