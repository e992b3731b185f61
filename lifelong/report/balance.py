"""How the tasks of a lesson were weighed while they were learned."""

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from lifelong.report.canvas import PANEL, sequence, shortened, styled

_METRICS = {"task_weight": "weight", "task_loss": "training loss", "task_accuracy": "accuracy (%)"}


def weighing_methods(frame: pd.DataFrame) -> set[str]:
    """The methods that recorded the weights of tasks."""
    return set(frame.loc[frame["metric"] == "task_weight", "method"])


@styled
def task_weights(frame: pd.DataFrame, method: str, seed: int) -> Figure:
    """Weight, loss and deciding accuracy of each task over the epochs of all lessons in turn."""
    rows = frame[(frame["method"] == method) & (frame["seed"] == seed)]
    rows = rows[rows["metric"].isin(list(_METRICS))]
    lessons = rows.groupby("task", sort=False)["epoch"].max()
    begins = lessons.cumsum() - lessons
    rows = rows.assign(at=rows["epoch"].astype(int) + rows["task"].map(begins).astype(int))
    tasks = list(rows["on_task"].unique())
    figure = Figure(figsize=(PANEL[0], len(_METRICS) * PANEL[1] * 0.8), layout="constrained")
    panels = figure.subplots(len(_METRICS), 1, sharex=True)
    for axes, (metric, label) in zip(panels, _METRICS.items(), strict=True):
        factor = 100 if metric == "task_accuracy" else 1
        for task, colour in zip(tasks, sequence(len(tasks)), strict=True):
            one = rows[(rows["on_task"] == task) & (rows["metric"] == metric)]
            axes.plot(one["at"], factor * one["value"], color=colour, label=shortened(task, 1.5))
        axes.set_ylabel(label)
        axes.set_ylim(bottom=0)
        axes.grid(axis="y")
    panels[0].set_title(shortened(method, PANEL[0]))
    panels[-1].set_xlabel("epoch")
    panels[-1].xaxis.set_major_locator(MaxNLocator(integer=True))
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower left", ncols=2)
    return figure
