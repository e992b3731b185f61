"""Whether the classes that tasks name exist, in a published set or in folders of one's own."""

import difflib
from collections.abc import Iterable, Mapping
from typing import Any

from lifelong.plan.class_names import fitting
from lifelong.plan.errors import ConfigError
from lifelong.plan.sources import SOURCES
from lifelong.plan.trees import classes_by_group


def check_classes(config: Mapping[str, Any]) -> None:
    """Raise ConfigError where a set lacks a group or class, or two tasks have one in common.

    The second only where `overlapping_classes` does not allow it.
    """
    for name, dataset in config["datasets"].items():
        _check_groups(name, dataset)
    seen: dict[tuple[str, str], str] = {}
    for task in config["tasks"]:
        dataset = config["datasets"][task["dataset"]]
        identities = identities_of(task, dataset)
        if len(identities) == 1 and not is_unknown(identities):
            raise ConfigError(
                f"config key tasks: {task['name']!r} has only the class {identities[0]}: a task "
                "needs two, so add one or leave the task out"
            )
        for identity in identities:
            _check_packed(task, identity, dataset)
            first = seen.setdefault((task["dataset"], identity), task["name"])
            if first != task["name"] and not config["overlapping_classes"]:
                raise ConfigError(
                    f"config key tasks: {first!r} and {task['name']!r} both have {identity} of "
                    f"{task['dataset']}: change one of them, or set overlapping_classes: true"
                )


def _check_groups(name: str, dataset: Mapping[str, Any]) -> None:
    """Raise ConfigError where `groups` of a data set names one that it does not have."""
    if "groups" not in dataset:
        return
    source = SOURCES[dataset["source"]]
    where = f"config key datasets.{name}.groups"
    known = classes_by_group(dataset["root"]) if source.tree else source.classes
    if not source.tree and (known is None or "" in known):
        raise ConfigError(f"{where}: {source.title} has no groups: remove it")
    for group in dataset["groups"]:
        if known is not None and group not in known:
            raise ConfigError(f"{where}: there is no group {group!r}{_near(group, known)}")


def _check_packed(task: Mapping[str, Any], identity: str, dataset: Mapping[str, Any]) -> None:
    group = identity.removeprefix("group ").partition("/")[0]
    if "groups" in dataset and group not in dataset["groups"]:
        raise ConfigError(
            f"config key datasets.{task['dataset']}.groups: task {task['name']!r} needs {group}, "
            "which is not packed: add it"
        )


def is_unknown(identities: list[str]) -> bool:
    """Whether only packing will tell which classes a task has."""
    return bool(identities) and identities[0].startswith("group ")


def identities_of(task: Mapping[str, Any], dataset: Mapping[str, Any]) -> list[str]:
    """The classes of a task as its pack names them; as written where nobody can know them yet."""
    group, classes = task.get("group"), task.get("classes")
    source = SOURCES[dataset["source"]]
    if source.classes is not None:
        return _known_identities(task, source.title, source.classes)
    known = classes_by_group(dataset["root"]) if source.tree else None
    if known is not None:
        return _known_identities(task, dataset["root"], known)
    if classes is None:
        return [f"group {group or task['name']}"]
    return [f"{group}/{name}" if group else name for name in classes]


def _known_identities(
    task: Mapping[str, Any], title: str, known: Mapping[str, tuple[str, ...]]
) -> list[str]:
    group, classes = task.get("group"), task.get("classes")
    where = f"config key tasks: {title} has no"
    if group is None and classes is None and "" not in known:
        group = task["name"]
    if group is not None:
        if group not in known:
            raise ConfigError(
                f"{where} group {group!r} (task {task['name']!r}){_near(group, known)}"
            )
        known = {group: known[group]}
    every = [f"{one}/{name}" if one else name for one, names in known.items() for name in names]
    matches = [fitting(name, group, every) for name in classes] if classes else [[e] for e in every]
    for name, fits in zip(classes or every, matches, strict=True):
        if not fits:
            names = [one for names in known.values() for one in names]
            raise ConfigError(f"{where} class {name!r} (task {task['name']!r}){_near(name, names)}")
        if len(fits) > 1:
            raise ConfigError(
                f"config key tasks: class {name!r} of task {task['name']!r} is "
                f"{' or '.join(fits)}: write one of these, or set the task's group"
            )
    return [fits[0] for fits in matches]


def _near(name: str, known: Iterable[str]) -> str:
    names = sorted({*known} - {""})
    close = difflib.get_close_matches(name, names, 1)
    if close:
        return f"; did you mean {close[0]!r}?"
    return f"; it has {', '.join(names)}" if names else "; remove it"
