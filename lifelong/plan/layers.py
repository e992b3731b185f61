"""Which settings of `layers` decide what a method of the layer family does, and their checks."""

from collections.abc import Mapping
from typing import Any

from lifelong.plan.errors import ConfigError
from lifelong.plan.patterns import SHARED, check_groups, configurations, named
from lifelong.plan.stacks import STACKS

_TRAINING = ("epochs", "lr", "decay", "batch_size", "eval_every", "eval_older_every")
# Further settings that a method reads; all read dropout.
OPTIONS: dict[str, tuple[str, ...]] = {
    "stl": (),
    "snn": (),
    "hps": (),
    "tf": ("tf",),
    "dfcnn": ("dfcnn",),
    "lasem_hps": ("groups", "lasem"),
    "lasem_tf": ("groups", "lasem", "tf"),
    "lasem_dfcnn": ("groups", "lasem", "dfcnn"),
    "brute_hps": ("groups",),
    "brute_tf": ("groups", "tf"),
    "brute_dfcnn": ("groups", "dfcnn"),
    "progressive": ("columns",),
    "den": ("den",),
    "darts_hps": ("groups", "darts"),
    "darts_dfcnn": ("groups", "darts", "dfcnn"),
    "gated": ("gated",),
    "apd": ("apd",),
    "apd_repo": ("apd",),
    "gated_repo": (),
}
_FIXED = {
    "stl": "none",
    "snn": "all",
    "progressive": "none",
    "den": "all",
    "gated": "all",
    "gated_repo": "all",
    "apd": "all",
    "apd_repo": "all",
}
ONE_SIZE = ("snn", "den")  # fully connected layers of all tasks: images of one size
_UNSHARED_FIRST = ("brute_hps", "brute_tf", "brute_dfcnn")
_PATTERNED = ("hps", "tf", "dfcnn")  # of a pattern that the configuration gives


def options_of(method: str, layers: Mapping[str, Any]) -> dict[str, Any]:
    """The settings that a method reads, beside those of training."""
    return {name: layers[name] for name in ("dropout", *OPTIONS[method])}


def training_of(layers: Mapping[str, Any]) -> dict[str, Any]:
    """How a task is trained and how often it and the older ones are looked at meanwhile."""
    found = {name: layers[name] for name in _TRAINING}
    found["eval_older_every"] = layers["eval_older_every"] or layers["eval_every"]
    return found


def epochs_of(share: float, epochs: int) -> int:
    """How many of a task's epochs a share of them is: at least one."""
    return max(1, round(share * epochs))


def pattern_of(method: str, layers: Mapping[str, Any], network: str) -> str:
    """The pattern of a method without a choice; "" where the method finds it itself."""
    if method in _FIXED:
        return named(_FIXED[method], STACKS[network].depth, network)
    if method in _PATTERNED:
        return named(str(layers["pattern"]), STACKS[network].depth, network)
    return ""


def check_layers(
    name: str, method: str, full: Mapping[str, Any], config: Mapping[str, Any]
) -> None:
    """Raise ConfigError where a method of the layer family cannot run as it is configured.

    `full` has its settings; `name` is what the configuration calls it.
    """
    network, layers = full["network"]["name"], full["layers"]
    if network not in STACKS:
        raise ConfigError(
            f"config key network.name: {name} shares layers of {', '.join(STACKS)}, "
            f"not of {network}"
        )
    stack = STACKS[network].scaled(full["network"]["channels"])
    pattern_of(method, layers, network)
    if method == "gated" and layers["batch_size"] < 2:
        raise ConfigError(
            f"config key layers.batch_size: {name} normalises over the images of a step, so that "
            "one is too few; set it to 2 or more"
        )
    if method == "den" and stack.skips:
        raise ConfigError(
            f"config key network.name: {name} grows layers one by one, which the skips of "
            f"{network} do not allow; take another network or leave {name} out of methods"
        )
    if "groups" in OPTIONS[method]:
        groups = layers["groups"]
        sides = stack.sides(_largest_side(config))
        maps = [count * side**2 for count, side in zip(stack.channels, sides, strict=True)]
        check_groups(groups, stack.depth, maps, layers["batch_size"])
    if "lasem" in OPTIONS[method]:
        _check_lasem(name, layers, network, config["protocol"])
    first = config["tasks"][0]
    if method in _UNSHARED_FIRST and SHARED in first.get("sharing", ""):
        raise ConfigError(
            f"config key tasks: sharing of the first task {first['name']!r}: {name} learns it "
            "without sharing and has nothing to choose for it; drop the key or set it for the "
            "second task, which gives its pattern to the first"
        )
    counts = {len(task["classes"]): task["name"] for task in config["tasks"] if "classes" in task}
    if method == "snn" and len(counts) > 1:
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
        if "sharing" in task:
            _check_sharing(name, method, task, layers, network, task is first)


def _check_lasem(name: str, layers: Mapping[str, Any], network: str, protocol: str) -> None:
    """What LASEM is told to believe, and of which images, must exist; so must epochs to settle."""
    search, epochs = layers["lasem"]["search"], layers["epochs"]
    if search < 1 and epochs_of(search, epochs) >= epochs:
        raise ConfigError(
            f"config key layers.lasem.search: {search:g} of {epochs} epochs leaves {name} none to "
            "train the pattern that it finds; set it lower, or to 1 to search in all of them"
        )
    fixed = str(layers["lasem"]["fixed_posterior"]["pattern"])
    if fixed:
        key = "layers.lasem.fixed_posterior.pattern"
        pattern = named(fixed, STACKS[network].depth, network, key)
        _check_grouped(f"{key}: {pattern!r}", name, pattern, layers)
    if layers["lasem"]["likelihood_images"] == "validation" and protocol != "clean":
        raise ConfigError(
            f"config key layers.lasem.likelihood_images: with protocol {protocol} {name} learns "
            "from the validation images too, and none are held out: set protocol to clean, or "
            "likelihood_images to training"
        )


def _check_sharing(
    name: str,
    method: str,
    task: dict[str, Any],
    layers: Mapping[str, Any],
    network: str,
    first: bool,
) -> None:
    """A pattern that somebody set by hand must be one that the method trained."""
    if "groups" not in OPTIONS[method]:
        return
    found = named(task["sharing"], STACKS[network].depth, network, "tasks: sharing")
    _check_grouped(f"tasks: sharing {found!r} of task {task['name']!r}", name, found, layers)
    if "lasem" not in OPTIONS[method]:
        return
    lasem, key = layers["lasem"], f"config key tasks: sharing of task {task['name']!r}"
    if first and lasem["first"] == "share":
        if found != SHARED * len(found):
            raise ConfigError(
                f"{key}: with layers.lasem.first share {name} shares all layers of the first task; "
                "drop the key, or set first to search"
            )
    elif lasem["search"] < 1:
        raise ConfigError(
            f"{key}: with layers.lasem.search {lasem['search']:g} {name} trains only the pattern "
            "it finds to the end; drop the key, or set search to 1"
        )


def _check_grouped(what: str, name: str, pattern: str, layers: Mapping[str, Any]) -> None:
    """A pattern has one letter a group."""
    if pattern not in configurations(len(pattern), layers["groups"]):
        raise ConfigError(
            f"config key {what} divides a group of layers.groups {layers['groups']} ({name}): "
            "layers of a group share or not together"
        )


def _largest_side(config: Mapping[str, Any]) -> int:
    return max(int(one["image_size"] or 32) for one in config["datasets"].values())
