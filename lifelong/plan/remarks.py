"""What a configuration says in vain: told before the first job, so that nobody finds out later."""

from collections.abc import Iterator, Mapping
from typing import Any

from lifelong.plan.datasets import side_of_set
from lifelong.plan.grounds import made_for
from lifelong.plan.networks import NETWORKS
from lifelong.plan.settings import base_of, row_of, settings
from lifelong.plan.sources import SOURCES
from lifelong.plan.trees import classes_by_group

_NEXT_TO_NOTHING = 1e-3  # of a layer


def remarks(config: Mapping[str, Any], given: Mapping[str, Any]) -> list[str]:
    """One line each; `config` is complete; options and files but config.yaml say `given`."""
    kinds = (_ratios, _patterns, _unused, _starved, _other_sizes, _one_width)
    return [*_presets(config, given), *(line for kind in kinds for line in kind(config))]


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
            yield f"{method} keeps {keys}; say it under method_settings.{base} to change it"


def _ratios(config: Mapping[str, Any]) -> Iterator[str]:
    """A ratio set by hand is one of `select`, which compares rungs with a goal."""
    tasks = [task["name"] for task in config["tasks"] if "ratio" in task]
    for method in config["methods"] if tasks else ():
        row = row_of(config, method)
        if "prune" in row.stages and not row.has_goal:
            yield (
                f"{method} does not read the ratio of {', '.join(tasks)}: it prunes every task to "
                f"prune.ratios under method_settings.{base_of(config, method)}"
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


def _starved(config: Mapping[str, Any]) -> Iterator[str]:
    """Methods that prune every task to one ratio and leave next to nothing for the last one."""
    count = len(config["tasks"])
    for method in config["methods"]:
        row = row_of(config, method)
        ratios = settings(config, method)["prune"]["ratios"]
        if "prune" not in row.stages or row.has_goal or row.masks_only or row.widens:
            continue
        if row.picks == "top_k" or not ratios:
            continue
        left = (1 - ratios[-1]) * ratios[-1] ** (count - 1)
        if left < _NEXT_TO_NOTHING:
            yield (
                f"{method} leaves {left:.1g} of each layer to the last of {count} tasks: raise "
                f"prune.ratios under method_settings.{base_of(config, method)}, such as "
                f"[{1 - 1 / count:.2f}]"
            )


def _other_sizes(config: Mapping[str, Any]) -> Iterator[str]:
    """Images of another size than those that pretrained weights were trained on."""
    weights = made_for(config["ground"], config["network"]["name"])
    if weights is None:
        return
    for name, dataset in config["datasets"].items():
        side = config["network"].get("input_size", side_of_set(dataset))
        if side != weights.side:
            yield (
                f"{config['ground']['pretrained']} was made for {weights.side} pixels, and sees "
                f"{side} of {name}: smaller ones cost accuracy and save time (network.input_size)"
            )


def _one_width(config: Mapping[str, Any]) -> Iterator[str]:
    """Methods that would widen a network which cannot be widened."""
    for method in config["methods"]:
        network = settings(config, method)["network"]["name"]
        if row_of(config, method).expands and not NETWORKS[network].grows:
            yield f"{method} stops at width 1 where it misses a goal: {network} does not widen"
