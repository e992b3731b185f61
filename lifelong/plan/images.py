"""What a stage must know of a task's images, beside the pack that they are in."""

from collections.abc import Mapping
from typing import Any

from lifelong.plan.draws import images_of
from lifelong.plan.photographs import framing_of

_OF_TASK = ("classes", "group", "crop")


def data_of(task: Mapping[str, Any], dataset: Mapping[str, Any], seed: int) -> dict[str, Any]:
    """Which images of a data set a task has, and how it sees them in the runs of one seed."""
    data = {name: task[name] for name in _OF_TASK if name in task}
    if "classes" not in data and "group" not in data:
        data["group"] = task["name"]
    if alignment := _alignment(dataset):
        data["alignment"] = alignment
    if framing := framing_of(dataset):
        data["framing"] = framing
    if "memory_mb" in dataset:
        data["memory_mb"] = dataset["memory_mb"]
    return {
        "task": task["name"],
        "dataset": task["dataset"],
        **data,
        **images_of(seed, task, dataset),
    }


def _alignment(dataset: Mapping[str, Any]) -> str:
    """How the faces of a set were cut out; "" where its images are of other things."""
    if "align" in dataset:
        return str(dataset["align"]["preset"])
    return "prealigned" if dataset.get("prealigned") else ""
