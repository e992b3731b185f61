"""config.yaml in, a checked and completed configuration out; every mistake is one ConfigError."""

import copy
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any

from lifelong.plan.checks import check_methods, check_settings
from lifelong.plan.datasets import check_tasks
from lifelong.plan.errors import ConfigError
from lifelong.plan.grounds import check_grounds, use_ground
from lifelong.plan.reading import check_plain, read
from lifelong.plan.schema import validated
from lifelong.plan.settings import merge, method_defaults
from lifelong.plan.trees import composed


def load(paths: Iterable[Path], over: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Read YAML files, later ones over earlier as with Snakemake's --configfile; then check.

    The first is the working folder's config.yaml; see `over_base`. Options of the command line lie
    `over` all files.
    """
    base, *files = map(read, paths)
    given: dict[str, Any] = {}
    for one in (*files, over or {}):
        given = merge(given, one)
    return check(over_base(base, given))


def over_base(base: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """What further files and options make of the working folder's config.yaml.

    Who names data sets or tasks has an experiment of their own: nothing in config.yaml counts then,
    or epochs, floors and goals that suit its images would silently be those of others. Anything
    else lies over config.yaml key by key. Raises ConfigError for an experiment without a name.
    """
    if not given.keys() & {"datasets", "tasks"}:
        return merge(base, given)
    if "experiment" not in given:
        raise ConfigError(
            "config key experiment: who names datasets or tasks has an experiment of their own, "
            "and takes nothing from config.yaml: name it, such as experiment: mine"
        )
    return dict(given)


def check(config: Mapping[str, Any], options: Collection[str] = ()) -> dict[str, Any]:
    """Validate against the schema, fill in defaults, check what a schema cannot say.

    `options` are keys that Snakemake's --config gave, where hints differ.
    """
    check_plain(config)
    given = copy.deepcopy(dict(config))
    given.pop("pathvars", None)  # Snakemake's own
    full = validated(given, options)
    for task in full["tasks"]:  # as folders' names are compared: see trees.py
        if "group" in task:
            task["group"] = composed(task["group"])
        if "classes" in task:
            task["classes"] = [composed(n) if isinstance(n, str) else n for n in task["classes"]]
    for dataset in full["datasets"].values():
        dataset["channels"] = int(dataset["channels"])  # to a schema 1.0 is a whole number
    full["method_settings"] = merge(method_defaults(), full["method_settings"])
    check_methods(full)
    use_ground(full)
    check_grounds(full)
    check_tasks(full)
    check_settings(full)
    return full
