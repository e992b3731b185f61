"""The table of losses: their settings, and the head they need."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lifelong.plan.errors import ConfigError
from lifelong.plan.networks import NETWORKS


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
    if row.per_class in loss:
        _check_per_class(loss[row.per_class], row.per_class, task, where)


def check_outputs(network: Mapping[str, Any], tasks: Sequence[Mapping[str, Any]]) -> None:
    """Raise ConfigError where output layers cannot have as many outputs as they shall."""
    outputs, key = network.get("head_outputs"), "config key network.head_outputs"
    if outputs is None:
        return
    row = NETWORKS[network["name"]]
    if row.branch or row.stack is not None:
        raise ConfigError(f"{key}: {row.name} has one output per class: remove it")
    for task in tasks:
        if task.get("loss", {}).get("kind", "cross_entropy") != "cross_entropy":
            raise ConfigError(
                f"{key}: task {task['name']!r} has a loss that counts its classes: remove one"
            )
        if len(task.get("classes", ())) > outputs:
            raise ConfigError(
                f"{key}: task {task['name']!r} has {len(task['classes'])} classes: raise it"
            )


def _check_per_class(
    numbers: Mapping[str, Any] | Sequence[Any], name: str, task: Mapping[str, Any], where: str
) -> None:
    classes = [str(one) for one in task.get("classes", ())]
    if isinstance(numbers, Mapping):
        if classes:
            per_class(numbers, classes, f"{where}: {name}")
    elif not classes:
        raise ConfigError(
            f"{where} has a list of {name}, but the task lists no classes, and text has another "
            f"order than numbers: write {name} as class: number"
        )
    elif len(numbers) != len(classes):
        raise ConfigError(
            f"{where} has {len(numbers)} {name} for {len(classes)} classes: give one for each"
        )


def per_class(
    numbers: Mapping[str, Any] | Sequence[Any], classes: Sequence[str], where: str
) -> list[Any]:
    """The numbers of classes in their order, from a mapping or a list in that order.

    Raises ConfigError for a class without a number or a number without a class.
    """
    if not isinstance(numbers, Mapping):
        return list(numbers)
    if odd := sorted(set(numbers) ^ set(classes)):
        what = "has no number" if odd[0] in classes else "is no class of the task"
        raise ConfigError(f"{where}: {odd[0]!r} {what}; its classes are {', '.join(classes)}")
    return [numbers[name] for name in classes]
