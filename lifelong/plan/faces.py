"""Face sets in the configuration: what each source may say, and how large its faces are."""

from collections.abc import Mapping, Sequence
from typing import Any

from lifelong.plan.crops import seen_side
from lifelong.plan.errors import ConfigError
from lifelong.plan.sources import SOURCES

SIDES = {"facenet_182": 182, "facenet_160": 160, "sphereface_112": 112}  # of aligned faces, px
_OF_ALL = {"align", "prealigned", "per_class"}
_NOT_OF_FACES = {
    "image_size",
    "channels",
    "validation",
    "test",
    "seed",
    "download",
    "fold",
    "watch",
}


def side_of(dataset: Mapping[str, Any]) -> int:
    """The side in pixels of the images of a checked face set."""
    return int(dataset["image_size"] or SIDES[dataset["align"]["preset"]])


def alignment_settings(dataset: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of a face set that decide which faces are cut out, and how."""
    settings = {name: value for name, value in dataset.items() if name not in _NOT_OF_FACES}
    how = {name: value for name, value in dataset["align"].items() if name != "shards"}
    return settings | {"align": how}


def check_face_set(name: str, dataset: Mapping[str, Any]) -> None:
    """Raise ConfigError where options do not fit the source, or nobody says where faces lie."""
    options = _OF_ALL.union(*(row.may for row in SOURCES.values()))
    where, given = f"config key datasets.{name}", options & set(dataset)
    source = SOURCES[dataset["source"]]
    if not source.faces:
        if given:
            raise ConfigError(f"{where}.{min(given)}: it is for face sets alone: remove it")
        return
    if odd := sorted(given - source.may - _OF_ALL):
        raise ConfigError(f"{where}.{odd[0]}: {dataset['source']} has no such option: remove it")
    if lacking := sorted(source.must - given):
        raise ConfigError(f"{where}.{lacking[0]}: {dataset['source']} needs it: set it")
    if source.folds is not None and dataset["fold"] >= source.folds:
        raise ConfigError(f"{where}.fold: {dataset['source']} has folds 0 to {source.folds - 1}")
    if source.own_splits and "align" in dataset:
        raise ConfigError(
            f"{where}.align: {dataset['source']} is read as faces that were cut out: set "
            "prealigned: true instead"
        )
    if ("align" in dataset) == dataset.get("prealigned", False):
        raise ConfigError(
            f"{where}: set align, to find and cut out faces, or prealigned: true, not both"
        )
    if "align" not in dataset and not dataset["image_size"]:
        raise ConfigError(f"{where}.image_size: pictures need one size")


def check_pairs(task: Mapping[str, Any], datasets: Mapping[str, Any]) -> None:
    """Raise ConfigError where a task's pairs are in no face set of pairs like its own."""
    if SOURCES[datasets[task["dataset"]]["source"]].only_pairs:
        raise ConfigError(
            f"config key tasks: task {task['name']!r} cannot learn {task['dataset']}, which is "
            "there for pairs: name it in pairs.dataset of a task"
        )
    if "pairs" not in task:
        return
    name, where = task["pairs"]["dataset"], f"config key tasks: pairs of task {task['name']!r}"
    if name not in datasets or not SOURCES[datasets[name]["source"]].only_pairs:
        known = ", ".join(row.name for row in SOURCES.values() if row.only_pairs)
        raise ConfigError(f"{where}: {name!r} is no data set of pairs ({known}): name one")
    ours, theirs = datasets[task["dataset"]], datasets[name]
    if not SOURCES[ours["source"]].faces:
        raise ConfigError(f"{where} are of faces, but its data set is not: remove them")
    sides = {side_of(ours), seen_side(task, side_of(ours))}  # whole images, or what is seen of them
    if ours["channels"] != theirs["channels"] or side_of(theirs) not in sides:
        raise ConfigError(
            f"{where}: {task['dataset']} and {name} need the same image_size and channels"
        )


def check_expression(
    task: Mapping[str, Any],
    before: Sequence[Mapping[str, Any]],
    datasets: Mapping[str, Mapping[str, Any]],
) -> None:
    """Raise ConfigError where pairs cannot ask the task that they name for its expressions.

    `before` are the tasks before it. It has to know all expressions of the pairs' pictures and to
    be tested on the people that they show, and so has learned from none of them.
    """
    if "expression" not in task.get("pairs", {}):
        return
    name, pairs = task["pairs"]["expression"], datasets[task["pairs"]["dataset"]]
    where = f"config key tasks: pairs of task {task['name']!r}"
    wanted = SOURCES[pairs["source"]].shows
    if not wanted:
        raise ConfigError(f"{where}: {pairs['source']} asks for no expression: remove expression")
    earlier = [one for one in before if one["name"] == name]
    if not earlier:
        raise ConfigError(f"{where}: expression {name!r} has to be a task before it: move it there")
    asked = datasets[earlier[0]["dataset"]]
    if (asked["source"], asked.get("labels")) != (wanted, "expression") or "classes" in earlier[0]:
        raise ConfigError(
            f"{where}: {name} has to learn all expressions of source {wanted}: name such a task"
        )
    for key in ("root", "fold", "folds", "image_size", "channels"):
        if asked.get(key) != pairs.get(key):
            raise ConfigError(
                f"{where}: {earlier[0]['dataset']} and {task['pairs']['dataset']} need the same "
                f"{key}: what {name} has learned from must not be in pairs"
            )
