"""What a configuration says in vain: told before the first job, so that nobody finds out later."""

import math
from collections.abc import Iterator, Mapping
from typing import Any

from lifelong.plan.datasets import side_of_set
from lifelong.plan.families import FAMILIES
from lifelong.plan.grounds import made_for
from lifelong.plan.methods import Method
from lifelong.plan.networks import NETWORKS
from lifelong.plan.settings import SECTIONS, base_of, own_key, row_of, settings
from lifelong.plan.sources import SOURCES
from lifelong.plan.trees import classes_by_group

_NEXT_TO_NOTHING = 1e-3  # of a layer
_STICKS = 0.05  # rate at which weights of tasks without a floor go to 0 and 1, and stay there


def remarks(config: Mapping[str, Any], given: Mapping[str, Any]) -> list[str]:
    """One line each; `config` is complete; options and files but config.yaml say `given`."""
    more = [line for kind in _KINDS for line in kind(config)]
    return [*_presets(config, given), *_unread(config, given), *more]


def _presets(config: Mapping[str, Any], given: Mapping[str, Any]) -> Iterator[str]:
    """Keys of a section for which a method has a value of its own, from its paper."""
    for method in config["methods"]:
        base = base_of(config, method)
        said = given.get("method_settings", {}).get(base, {})
        variant = config["variants"].get(method, {})
        own = {
            f"{section}.{name}": value
            for section, values in row_of(config, method).defaults.items()
            for name, value in values.items()
            if given.get(section, {}).get(name, value) != value
            and name not in {**said.get(section, {}), **variant.get(section, {})}
        }
        if own:
            keys = ", ".join(f"{key} {value}" for key, value in own.items())
            yield f"{method} keeps {keys}; say it under {own_key(config, method)} to change it"


def _unread(config: Mapping[str, Any], given: Mapping[str, Any]) -> Iterator[str]:
    """Sections said for a method, or for all of them, that nothing of the experiment reads."""
    every: set[str] = set()
    for method in config["methods"]:
        row, base = row_of(config, method), base_of(config, method)
        read = _sections(row)
        every |= read
        said = config["variants"].get(method) or config["method_settings"].get(base, {})
        keys = [
            name
            for name in SECTIONS
            if name in said and name not in read and said[name] != row.defaults.get(name)
        ]
        if "retrain" in read and "drop" in said.get("retrain", {}) and not row.finishes:
            keys.append("retrain.drop")
        if keys:
            yield f"{method} does not read its {', '.join(keys)}"
    keys = [name for name in SECTIONS if name in given and name not in every]
    if "baseline" in keys and any(row_of(config, method).has_goal for method in config["methods"]):
        keys.remove("baseline")  # of the networks that set goals
    if keys:
        yield f"no method here reads {', '.join(keys)}"


def _sections(row: Method) -> set[str]:
    """The sections of the configuration that the stages of a method read."""
    there = {"network", "recipe", *FAMILIES[row.family].SECTIONS}
    more = {
        "picking": row.picks == "top_k",
        "goals": row.has_goal,
        "expand": row.expands or row.widens,
        "ground": bool(row.pretrained),
    }
    return there | {name for name, read in more.items() if read}


def _ratios(config: Mapping[str, Any]) -> Iterator[str]:
    """A ratio set by hand is one of `select`, which compares rungs with a goal."""
    tasks = [task["name"] for task in config["tasks"] if "ratio" in task]
    for method in config["methods"] if tasks else ():
        row = row_of(config, method)
        if "prune" in row.stages and not row.has_goal:
            yield (
                f"{method} does not read the ratio of {', '.join(tasks)}: it prunes every task to "
                f"prune.ratios under {own_key(config, method)}"
            )


def _patterns(config: Mapping[str, Any]) -> Iterator[str]:
    """A pattern set by hand replaces one that a method would find."""
    tasks = [task["name"] for task in config["tasks"] if "sharing" in task]
    if tasks and all(row_of(config, method).pattern for method in config["methods"]):
        yield f"no method here reads the sharing of {', '.join(tasks)}: none looks for a pattern"


def _unused(config: Mapping[str, Any]) -> Iterator[str]:
    """Groups that are packed though no task has them."""
    for name, dataset in config["datasets"].items():
        source = SOURCES[dataset["source"]]
        known = classes_by_group(dataset["root"]) if source.tree else source.classes
        used = {
            task.get("group", task["name"]) for task in config["tasks"] if task["dataset"] == name
        }
        every = dataset.get("groups", list(known or ()))
        if used and used < set(every):
            yield (
                f"{len(used)} of {len(every)} groups of {name} have a task, and all are packed; "
                f"datasets.{name}.groups packs fewer"
            )


def _whole(config: Mapping[str, Any]) -> Iterator[str]:
    """Parts of images are drawn only where a network does not see all of an image."""
    if "resized_crop" in config["recipe"] and not any("crop" in task for task in config["tasks"]):
        yield "recipe.resized_crop changes nothing: no task has a crop, the side of such parts"


def _starved(config: Mapping[str, Any]) -> Iterator[str]:
    """Methods that prune every task to one ratio and leave next to nothing for the last one."""
    count = len(config["tasks"])
    for method in config["methods"]:
        row = row_of(config, method)
        ratios = settings(config, method)["prune"]["ratios"]
        if not (row.releases and ratios) or row.has_goal or row.widens:
            continue
        left = (1 - ratios[-1]) * ratios[-1] ** (count - 1)
        if left < _NEXT_TO_NOTHING:
            yield (
                f"{method} leaves {left:.1g} of each layer to the last of {count} tasks: raise "
                f"prune.ratios under {own_key(config, method)}, such as "
                f"[{math.floor(1000 * (1 - 1 / count)) / 1000:g}]"
            )


def _at_zero(config: Mapping[str, Any]) -> Iterator[str]:
    """Methods that release weights to zero, in a network that nothing moves from there."""
    for method in config["methods"]:
        row, own = row_of(config, method), settings(config, method)
        network, fresh = own["network"]["name"], own["train"].get("free_weights") == "fresh"
        if not row.releases or fresh:
            continue
        if NETWORKS[network].bare and own["prune"]["ratios"] and len(config["tasks"]) > 1:
            yield (
                f"{method} starts weights that older tasks released from zero, where most may stay "
                f"in {network}, which has no biases and no norms: set train: "
                "{free_weights: fresh}"
            )


def _stuck(config: Mapping[str, Any]) -> Iterator[str]:
    """Weights of tasks that are free to reach 0 and 1, at a rate at which they stay there."""
    for method in config["methods"]:
        joint, read = settings(config, method)["joint"], row_of(config, method).options
        free = {"logit_norm", "lr"} <= set(read) and joint["logit_norm"] == "none"
        if free and joint["lr"] >= _STICKS:
            yield (
                f"{method}: with joint.logit_norm none and joint.lr {joint['lr']:g} a task may get "
                "all the weight and keep it when another becomes hard; lower lr to 0.01"
            )


def _other_sizes(config: Mapping[str, Any]) -> Iterator[str]:
    """Images of another size than those that pretrained weights were trained on."""
    weights = made_for(config["ground"], config["network"]["name"])
    if weights is None:
        return
    names: dict[int, list[str]] = {}
    for name, dataset in config["datasets"].items():
        side = config["network"].get("input_size", side_of_set(dataset))
        names.setdefault(side, []).append(name)
    for side, having in names.items():
        if side != weights.side:
            yield (
                f"{config['ground']['pretrained']} was made for {weights.side} pixels, and sees "
                f"{side} of {', '.join(having)}: smaller ones cost accuracy and save time "
                "(network.input_size)"
            )


def _one_width(config: Mapping[str, Any]) -> Iterator[str]:
    """Methods that would widen a network which cannot be widened."""
    for method in config["methods"]:
        network = settings(config, method)["network"]["name"]
        if row_of(config, method).expands and not NETWORKS[network].grows:
            yield f"{method} stops at width 1 where it misses a goal: {network} does not widen"


def _processes(config: Mapping[str, Any]) -> Iterator[str]:
    """Methods that have no use for several processes."""
    for method in config["methods"]:
        row, base = row_of(config, method), base_of(config, method)
        own = (config["method_settings"].get(base, {}), config["variants"].get(method, {}))
        said = any("processes" in part.get("recipe", {}) for part in (config, *own))
        if said and not row.shares_batches:
            yield f"{method} does not read recipe.processes: it trains in one process"


def _compiled(config: Mapping[str, Any]) -> Iterator[str]:
    """Methods and optimisers whose update has no compiled form."""
    for method in config["methods"]:
        row, recipe = row_of(config, method), settings(config, method)["recipe"]
        if recipe["update"] != "compiled":
            continue
        if "prune" not in row.stages or row.picks == "top_k":
            yield f"{method} does not read recipe.update: it has no compiled form"
        elif recipe.get("optimiser", "sgd") != "sgd" or not recipe["momentum"]:
            yield f"{method} does not read recipe.update: only SGD with momentum is compiled"


_KINDS = (
    *(_ratios, _patterns, _unused, _starved, _at_zero),
    *(_whole, _stuck, _other_sizes, _one_width, _processes, _compiled),
)
