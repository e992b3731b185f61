"""The loss that a task is trained with."""

from collections.abc import Mapping
from typing import Any

import torch

from lifelong.data.batches import TaskData
from lifelong.plan.losses import LOSSES, per_class
from lifelong.train.losses import Loss, loss_of


def task_loss(task: str, configured: Mapping[str, Any], data: TaskData, device: str) -> Loss:
    """The loss of a task; weights of classes come from its training images, if not given."""
    given, classes = dict(configured), len(data.classes)
    row = LOSSES[given.get("kind", "cross_entropy")]
    if "counts" in row.settings and "counts" not in given:
        given["counts"] = torch.bincount(data.train.labels, minlength=classes).tolist()
    if name := row.per_class:
        where = f"config key tasks: the loss of task {task!r}: {name}"
        given[name] = per_class(given[name], data.classes, where)
    return loss_of(given, classes, device)
