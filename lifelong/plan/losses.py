"""What the plan must know of losses: their settings, and the head they need; no torch."""

from collections.abc import Mapping
from typing import Any

from lifelong.plan.errors import ConfigError

LOSSES: dict[str, set[str]] = {
    "cross_entropy": set(),
    "weighted": {"counts"},
    "a_softmax": {"margin", "start", "decay", "lowest"},
    "expectation": {"values", "share"},
}
_PER_CLASS = ("counts", "values")


def head_for(loss: Mapping[str, Any]) -> str:
    """The head whose findings a loss can use."""
    return "angular" if loss.get("kind") == "a_softmax" else "linear"


def check_loss(task: Mapping[str, Any]) -> None:
    """Raise ConfigError where a task's loss has settings of another kind, or lacks its own."""
    if "loss" not in task:
        return
    loss, where = task["loss"], f"config key tasks: the loss of task {task['name']!r}"
    unknown = sorted(set(loss) - {"kind"} - LOSSES[loss["kind"]])
    if unknown:
        raise ConfigError(f"{where}, {loss['kind']}, has no setting {unknown[0]!r}: remove it")
    if loss["kind"] == "expectation" and "values" not in loss:
        raise ConfigError(f"{where} needs values, a number for every class")
    for name in _PER_CLASS:
        if name in loss and "classes" in task and len(loss[name]) != len(task["classes"]):
            raise ConfigError(
                f"{where} has {len(loss[name])} {name} for {len(task['classes'])} classes: "
                "give one for each"
            )
