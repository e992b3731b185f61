"""What the configuration of a method that shares layers may not say."""

from collections.abc import Callable, Mapping
from typing import Any

from lifelong.plan.class_checks import identities_of, is_unknown
from lifelong.plan.datasets import side_of_set
from lifelong.plan.errors import ConfigError
from lifelong.plan.methods import Method
from lifelong.plan.networks import NETWORKS, stack_of
from lifelong.plan.patterns import SHARED, check_groups, configurations, named

Config = Mapping[str, Any]


def epochs_of(share: float, epochs: int) -> int:
    """How many of a task's epochs a share of them is: at least one."""
    return max(1, round(share * epochs))


def check(name: str, row: Method, own: Config, config: Config) -> None:
    """Raise ConfigError where a method cannot run as it is configured.

    `own` are its settings; `name` is what the configuration calls it.
    """
    _check_network(name, row, own["network"])
    layers = own["layers"]
    if row.pattern == "given":
        network = own["network"]["name"]
        named(str(layers["pattern"]), stack_of(network).depth, network)
    if layers["batch_size"] < row.least_batch:
        raise ConfigError(
            f"config key layers.batch_size: {name} normalises over the images of a step, so that "
            f"{layers['batch_size']} are too few; set it to {row.least_batch} or more"
        )
    for option in row.options:
        if option in _OF_OPTION:
            _OF_OPTION[option](name, own, config)
    _check_tasks(name, row, config)
    for task in config["tasks"]:
        if "sharing" in task and not row.pattern:
            _check_sharing(name, row, task, own, task is config["tasks"][0])
    _check_sides(name, row, config)


def _check_network(name: str, row: Method, network: Config) -> None:
    fitting = [one.name for one in NETWORKS.values() if row.family in one.families]
    if network["name"] not in fitting:
        raise ConfigError(
            f"config key network.name: {name} shares layers of {', '.join(fitting)}, "
            f"not of {network['name']}"
        )
    if stack_of(network["name"]).skips and not row.skips:
        raise ConfigError(
            f"config key network.name: {name} grows layers one by one, which the skips of "
            f"{network['name']} do not allow; take another network or leave {name} out of methods"
        )


def _check_sides(name: str, row: Method, config: Config) -> None:
    sides = sorted({side_of_set(config["datasets"][task["dataset"]]) for task in config["tasks"]})
    if row.one_size and len(sides) > 1:
        raise ConfigError(
            f"config key datasets: images of {sides[0]} and {sides[-1]} pixels, but {name} "
            "has fully connected layers in common to all tasks: give all data sets the "
            f"same image_size, or leave {name} out of methods"
        )


def _check_tasks(name: str, row: Method, config: Config) -> None:
    first = config["tasks"][0]
    if row.first_alone and SHARED in first.get("sharing", ""):
        raise ConfigError(
            f"config key tasks: sharing of the first task {first['name']!r}: {name} learns it "
            "without sharing and has nothing to choose for it; drop the key or set it for the "
            "second task, which gives its pattern to the first"
        )
    counts: dict[int, str] = {}
    for task in config["tasks"] if row.one_head else ():
        classes = identities_of(task, config["datasets"][task["dataset"]])
        if not is_unknown(classes):
            counts.setdefault(len(classes), task["name"])
    if len(counts) > 1:
        (few, one), (many, other) = sorted(counts.items())[:2]
        raise ConfigError(
            f"config key tasks: {one!r} has {few} classes and {other!r} {many}, but {name} has one "
            "head for all tasks: give them equally many, or leave it out of methods"
        )
    for task in config["tasks"]:
        if odd := sorted({"loss", "pairs"} & set(task)):
            raise ConfigError(
                f"config key tasks: {odd[0]} of task {task['name']!r} is for networks of faces; "
                f"{name} shares layers and minimises the cross entropy: drop it or the method"
            )


def _check_groups(name: str, own: Config, config: Config) -> None:
    """Groups must cover the layers, and not be too many to search."""
    stack = stack_of(own["network"]["name"]).scaled(own["network"]["channels"])
    side = max(int(one["image_size"] or 32) for one in config["datasets"].values())
    areas = [one**2 for one in stack.sides(side)]
    maps = [count * area for count, area in zip(stack.channels, areas, strict=True)]
    check_groups(own["layers"]["groups"], stack.depth, maps, own["layers"]["batch_size"])


def _check_lasem(name: str, own: Config, config: Config) -> None:
    """What LASEM is told to believe, and of which images, must exist; so must epochs to settle."""
    layers, network = own["layers"], own["network"]["name"]
    search, epochs = layers["lasem"]["search"], layers["epochs"]
    if search < 1 and epochs_of(search, epochs) >= epochs:
        raise ConfigError(
            f"config key layers.lasem.search: {search:g} of {epochs} epochs leaves {name} none to "
            "train the pattern that it finds; set it lower, or to 1 to search in all of them"
        )
    fixed = str(layers["lasem"]["fixed_posterior"]["pattern"])
    if fixed:
        key = "layers.lasem.fixed_posterior.pattern"
        pattern = named(fixed, stack_of(network).depth, network, key)
        _check_grouped(f"{key}: {pattern!r}", name, pattern, layers)
    images, protocol = layers["lasem"]["likelihood_images"], config["protocol"]
    if images == "validation" and protocol != "clean":
        raise ConfigError(
            f"config key layers.lasem.likelihood_images: with protocol {protocol} {name} learns "
            "from the validation images too, and none are held out: set protocol to clean, or "
            "likelihood_images to training"
        )


_OF_OPTION: dict[str, Callable[[str, Config, Config], None]] = {
    "groups": _check_groups,
    "lasem": _check_lasem,
}


def _check_sharing(name: str, row: Method, task: Config, own: Config, first: bool) -> None:
    """A pattern that somebody set by hand must be one that the method trained."""
    layers, network = own["layers"], own["network"]["name"]
    pattern = named(task["sharing"], stack_of(network).depth, network, "tasks: sharing")
    _check_grouped(f"tasks: sharing {pattern!r} of task {task['name']!r}", name, pattern, layers)
    if "lasem" not in row.options:
        return
    lasem, key = layers["lasem"], f"config key tasks: sharing of task {task['name']!r}"
    if first and lasem["first"] == "share":
        if pattern != SHARED * len(pattern):
            raise ConfigError(
                f"{key}: with layers.lasem.first share {name} shares all layers of the first task; "
                "drop the key, or set first to search"
            )
    elif lasem["search"] < 1:
        raise ConfigError(
            f"{key}: with layers.lasem.search {lasem['search']:g} {name} trains only the pattern "
            "it finds to the end; drop the key, or set search to 1"
        )


def _check_grouped(what: str, name: str, pattern: str, layers: Config) -> None:
    """A pattern has one letter per group."""
    if pattern not in configurations(len(pattern), layers["groups"]):
        raise ConfigError(
            f"config key {what} divides a group of layers.groups {layers['groups']} ({name}): "
            "layers of a group share or not together"
        )
