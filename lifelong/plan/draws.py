"""How a task sees the images of its classes: how many are drawn, normalised how, changed how.

`draw`, `normalise`, `mean` and `std` may be said for a data set, as all its tasks see it, or for
one task, which then wins; `noise` and `channel_order` for a task alone.
"""

from collections.abc import Mapping
from typing import Any

from lifelong.plan.errors import ConfigError
from lifelong.plan.seeds import seed_of
from lifelong.plan.sources import SOURCES, Source

# Percent of CIFAR-100: images for training and for validation of a task, as LASEM's code draws.
PERCENT: dict[int, tuple[int, int]] = {
    2: (80, 20),
    4: (170, 30),
    6: (250, 50),
    8: (330, 70),
    10: (410, 90),
    20: (830, 170),
    25: (1040, 210),
    30: (1250, 250),
    40: (1670, 330),
    50: (2080, 420),
    60: (2500, 500),
    70: (2920, 580),
    75: (3120, 630),
    80: (3330, 670),
    90: (3750, 750),
    100: (4170, 830),
}
CORRECT = "correct"  # the order of pixels in which people see an image
_LOOKS = ("normalise", "mean", "std")


def pack_settings(dataset: Mapping[str, Any]) -> dict[str, Any]:
    """What decides the pack of a data set: not what only its tasks see."""
    seen = ("draw", "watch", "pixel_order", "memory_mb", *_LOOKS)
    return {key: value for key, value in dataset.items() if key not in seen}


def images_of(seed: int, task: Mapping[str, Any], dataset: Mapping[str, Any]) -> dict[str, Any]:
    """What decides a task's images beside its classes, for one seed of the experiment."""
    settings = _looks(task, dataset)
    if draw := _draw(task, dataset):
        per_run = draw.get("seed", "per_run") == "per_run"
        drawn = seed_of(*((seed,) if per_run else ()), task["name"], "draw")
        if "shuffled_validation" in draw:  # as published: the seed of the run itself
            drawn = seed if per_run else 0
        settings["draw"] = {**draw, "seed": drawn}
    if "noise" in task:
        settings["noise"] = {**task["noise"], "seed": seed_of(seed, task["name"], "noise")}
    if "channel_order" in task:
        settings["channel_order"] = task["channel_order"]
    if dataset.get("pixel_order", CORRECT) != CORRECT:
        settings["pixel_order"] = dataset["pixel_order"]
    return settings


def drawn_per_class(draw: Mapping[str, Any], classes: int) -> dict[str, int]:
    """How many images per class `draw` asks for, by split; a split it does not name is taken whole.

    Raises ConfigError where a percentage leaves a class without images.
    """
    if "percent" not in draw:
        return {name: draw[name] for name in ("train", "validation") if name in draw}
    counts = dict(zip(("train", "validation"), PERCENT[draw["percent"]], strict=True))
    each = {name: count // classes for name, count in counts.items()}
    if empty := [name for name, count in each.items() if not count]:
        raise ConfigError(
            f"draw.percent {draw['percent']} is {counts[empty[0]]} {empty[0]} images per task, too "
            f"few for {classes} classes: raise it, or give train and validation"
        )
    return each


def check_images(
    place: str, who: str, given: Mapping[str, Any], dataset: Mapping[str, Any]
) -> None:
    """Raise ConfigError where a task or a data set cannot be seen as `given` says.

    `place` and `who` begin the message: "config key tasks", "task 'a'".
    """
    _check_looks(place, who, given, dataset["channels"])
    if "draw" in given:
        _check_draw(f"{place}: draw of {who}", given["draw"], SOURCES[dataset["source"]])
    order = list(range(dataset["channels"]))
    if sorted(given.get("channel_order", order)) != order:
        raise ConfigError(
            f"{place}: channel_order of {who} has to list {', '.join(map(str, order))}, each once"
        )


def check_drawn(task: Mapping[str, Any], dataset: Mapping[str, Any]) -> None:
    """Raise ConfigError where a percentage is too little for the classes a task lists."""
    draw = _draw(task, dataset)
    if draw and "classes" in task:
        try:
            drawn_per_class(draw, len(task["classes"]))
        except ConfigError as error:
            raise ConfigError(f"config key tasks: task {task['name']!r}: {error}") from error


def _draw(task: Mapping[str, Any], dataset: Mapping[str, Any]) -> dict[str, Any] | None:
    return task.get("draw", dataset.get("draw"))


def _looks(task: Mapping[str, Any], dataset: Mapping[str, Any]) -> dict[str, Any]:
    """`mean` and `std`, or `normalise` where it is not as usual; from the task if it says any."""
    giver = task if set(_LOOKS) & set(task) else dataset
    looks = {name: giver[name] for name in _LOOKS if name in giver}
    if looks.get("normalise") == "train":
        del looks["normalise"]
    return looks


def _check_looks(place: str, who: str, given: Mapping[str, Any], channels: int) -> None:
    if ("mean" in given) != ("std" in given):
        raise ConfigError(f"{place}: {who} needs both mean and std")
    for key in ("mean", "std"):
        if len(given.get(key, [0] * channels)) != channels:
            raise ConfigError(f"{place}: {key} of {who} needs {channels} numbers, one per channel")
    if "mean" in given and "normalise" in given:
        raise ConfigError(f"{place}: {who} has mean and std, and normalise too: keep one of them")


def _check_draw(where: str, draw: Mapping[str, Any], source: Source) -> None:
    counted = bool({"train", "validation"} & set(draw))
    if [counted, "percent" in draw, "shuffled_validation" in draw].count(True) != 1:
        raise ConfigError(
            f"{where} needs train and validation, or percent or shuffled_validation instead of them"
        )
    if "percent" in draw and not source.percent:
        raise ConfigError(f"{where}: percent counts CIFAR-100, give train and validation")
