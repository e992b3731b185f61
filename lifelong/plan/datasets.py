"""Whether tasks and the data sets that they are of can be as they are configured."""

from collections.abc import Mapping
from typing import Any

from lifelong.plan.class_checks import check_classes
from lifelong.plan.crops import check_crop, check_sight, seen_side
from lifelong.plan.draws import CORRECT, check_drawn, check_images
from lifelong.plan.errors import ConfigError
from lifelong.plan.faces import check_expression, check_face_set, check_pairs, side_of
from lifelong.plan.losses import check_loss, check_outputs
from lifelong.plan.methods import MOST_TASKS
from lifelong.plan.networks import NETWORKS, misfit
from lifelong.plan.photographs import check_photographs
from lifelong.plan.settings import settings
from lifelong.plan.sources import SOURCES


def check_tasks(config: dict[str, Any]) -> None:
    """Raise ConfigError where a task or the data set it is of cannot be as it is configured.

    Fills in what a task may leave out: its data set, where there is one.
    """
    tasks, datasets = config["tasks"], config["datasets"]
    names = [task["name"] for task in tasks]
    for name in names:
        if names.count(name) > 1:
            raise ConfigError(f"config key tasks: task {name!r} is listed twice")
    if len(tasks) > MOST_TASKS:
        raise ConfigError(
            f"config key tasks: {len(tasks)} tasks, but one network holds at most {MOST_TASKS}"
        )
    for task in tasks:
        task.setdefault("dataset", next(iter(datasets)) if len(datasets) == 1 else None)
        if task["dataset"] not in datasets:
            raise ConfigError(
                f"config key tasks: task {task['name']!r} needs a dataset out of "
                f"{', '.join(sorted(datasets))}, not {task['dataset']!r}"
            )
        _check_task(task, datasets[task["dataset"]])
    _check_sources(config)
    check_classes(config)


def _check_task(task: dict[str, Any], dataset: Mapping[str, Any]) -> None:
    if "classes" in task:
        task["classes"] = [str(name) for name in task["classes"]]
        if len(set(task["classes"])) < len(task["classes"]):
            raise ConfigError(f"config key tasks: task {task['name']!r} lists a class twice")
    check_images("config key tasks", f"task {task['name']!r}", task, dataset)
    check_drawn(task, dataset)
    check_loss(task)
    source = SOURCES[dataset["source"]]
    if source.listed and ("classes" not in task or "group" in task):
        raise ConfigError(
            f"config key tasks: task {task['name']!r} of {source.title} needs its classes, and no "
            "group"
        )


def _check_sources(config: Mapping[str, Any]) -> None:
    used = {task["dataset"] for task in config["tasks"]}
    used |= {task["pairs"]["dataset"] for task in config["tasks"] if "pairs" in task}
    known = sorted(used & set(config["datasets"]))  # pairs of others `check_pairs` refuses
    for name in known:
        dataset = config["datasets"][name]
        check_face_set(name, dataset)
        _check_dataset(f"config key datasets.{name}", dataset)
        learned = [task for task in config["tasks"] if task["dataset"] == name]
        sides = {seen_side(task, side_of_set(dataset)) for task in learned}
        given = config["network"].get("input_size")
        for side in sorted(sides if given is None else {given}):
            if wrong := misfit(config["network"]["name"], side):
                raise ConfigError(f"config key network.name: {wrong} (dataset {name})")
    if len({config["datasets"][name]["channels"] for name in known}) > 1:
        raise ConfigError("config key datasets: all tasks of one network need the same channels")
    network = config["network"]["name"]
    if NETWORKS[network].colour and {config["datasets"][name]["channels"] for name in known} != {3}:
        raise ConfigError(
            f"config key network.name: {network} takes colour images: set channels: 3"
        )
    if len({config["datasets"][name].get("pixel_order", CORRECT) for name in known}) > 1:
        raise ConfigError(
            "config key datasets: one table needs one pixel_order: make two experiments"
        )
    sections = [settings(config, method)["network"] for method in config["methods"]]
    for section in sections:
        check_sight(section)
        check_outputs(section, config["tasks"])
    networks = {section["name"] for section in sections}
    for place, task in enumerate(config["tasks"]):
        check_crop(task, side_of_set(config["datasets"][task["dataset"]]), networks)
        check_pairs(task, config["datasets"])
        check_expression(task, config["tasks"][:place], config["datasets"])


def _check_dataset(where: str, dataset: Mapping[str, Any]) -> None:
    """What a source needs, and what it leaves no choice in."""
    source = SOURCES[dataset["source"]]
    if source.has_root and not dataset["root"]:
        raise ConfigError(f"{where}.root: say where the images lie")
    if source.resizes and not dataset["image_size"]:
        raise ConfigError(f"{where}.image_size: pictures need one size")
    check_photographs(where, dataset)
    if dataset.get("pixel_order", CORRECT) != CORRECT and not source.scrambles:
        raise ConfigError(
            f"{where}.pixel_order: programs scramble CIFAR-100 alone, not {source.title}: remove it"
        )
    if source.side is not None and dataset["image_size"] not in (None, source.side):
        raise ConfigError(
            f"{where}.image_size: {source.title} is {source.side} pixels wide: remove it"
        )
    if source.channels is not None and dataset["channels"] != source.channels:
        raise ConfigError(
            f"{where}.channels: images of {source.title} have {source.channels}, not "
            f"{dataset['channels']}: set it to {source.channels}"
        )
    check_images(where, "the data set", dataset, dataset)


def task_side(task: Mapping[str, Any], config: Mapping[str, Any]) -> int:
    """The side in pixels of what a network sees of a task's images."""
    return seen_side(task, side_of_set(config["datasets"][task["dataset"]]))


def side_of_set(dataset: Mapping[str, Any]) -> int:
    """The side in pixels of the images of a checked data set."""
    source = SOURCES[dataset["source"]]
    return side_of(dataset) if source.faces else int(dataset["image_size"] or source.usual_side)
