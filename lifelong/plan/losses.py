"""The table of losses: their settings, and the head they need."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lifelong.plan.errors import ConfigError


@dataclass(frozen=True)
class LossRow:
    """One loss: `code` makes it of its settings, the number of classes and a device.

    `needed` are settings that have no default; `per_class` those with one number per class.
    """

    kind: str
    code: str
    settings: frozenset[str] = frozenset()
    needed: str = ""
    per_class: str = ""
    head: str = "linear"


def _row(kind: str, function: str, *settings: str, **more: str) -> LossRow:
    return LossRow(kind, f"lifelong.train.losses:{function}", frozenset(settings), **more)


LOSSES: dict[str, LossRow] = {
    row.kind: row
    for row in (
        _row("cross_entropy", "cross_entropy"),
        # Rare classes count more.
        _row("weighted", "weighted", "counts", per_class="counts"),
        # SphereFace's margin between identities.
        _row("a_softmax", "a_softmax", "margin", "start", "decay", "lowest", head="angular"),
        # Cross entropy, and the error of an expected value such as an age.
        _row("expectation", "expectation", "values", "share", needed="values", per_class="values"),
    )
}


def head_for(loss: Mapping[str, Any]) -> str:
    """The head whose outputs a loss can use."""
    return LOSSES[loss.get("kind", "cross_entropy")].head


def check_loss(task: Mapping[str, Any]) -> None:
    """Raise ConfigError where a task's loss has settings of another kind, or lacks its own."""
    if "loss" not in task:
        return
    loss, where = task["loss"], f"config key tasks: the loss of task {task['name']!r}"
    row = LOSSES[loss["kind"]]
    if unknown := sorted(set(loss) - {"kind"} - row.settings):
        raise ConfigError(f"{where}, {row.kind}, has no setting {unknown[0]!r}: remove it")
    if row.needed and row.needed not in loss:
        raise ConfigError(f"{where} needs {row.needed}, a number for every class")
    name = row.per_class
    if name in loss and "classes" in task and len(loss[name]) != len(task["classes"]):
        raise ConfigError(
            f"{where} has {len(loss[name])} {name} for {len(task['classes'])} classes: "
            "give one for each"
        )
