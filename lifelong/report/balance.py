"""How the tasks of a lesson were weighed while they were learned."""

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from lifelong.report.plots import titled

_METRICS = {"task_weight": "weight", "task_loss": "training loss", "task_accuracy": "accuracy (%)"}


def weighing_methods(frame: pd.DataFrame) -> set[str]:
    """The methods that recorded the weights of tasks."""
    return set(frame.loc[frame["metric"] == "task_weight", "method"])


def task_weights(frame: pd.DataFrame, method: str, seed: int) -> Figure:
    """Weight, loss and deciding accuracy of each task over the epochs of all lessons in turn."""
    rows = frame[(frame["method"] == method) & (frame["seed"] == seed)]
    rows = rows[rows["metric"].isin(list(_METRICS))]
    lessons = rows.groupby("task", sort=False)["epoch"].max()
    begins = lessons.cumsum() - lessons
    rows = rows.assign(at=rows["epoch"].astype(int) + rows["task"].map(begins).astype(int))
    tasks = list(rows["on_task"].unique())
    colours = matplotlib.colormaps["viridis"](np.linspace(0.0, 0.88, len(tasks)))
    figure = Figure(figsize=(11.0, 3.8), layout="constrained")
    panels = figure.subplots(1, len(_METRICS))
    for panel, (metric, label) in zip(panels, _METRICS.items(), strict=True):
        factor = 100 if metric == "task_accuracy" else 1
        for task, colour in zip(tasks, colours, strict=True):
            one = rows[(rows["on_task"] == task) & (rows["metric"] == metric)]
            panel.plot(one["at"], factor * one["value"], color=colour, label=task)
        panel.set(xlabel="epoch", ylabel=label)
        panel.set_ylim(bottom=0)
        panel.grid(axis="y", alpha=0.3)
    handles, labels = figure.axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside right upper", title="task", fontsize=8)
    figure.suptitle(titled(frame, method, seed))
    return figure
