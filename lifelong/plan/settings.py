"""The settings of one method: the sections of the configuration, with what it does differently."""

import copy
from collections.abc import Mapping
from typing import Any

from lifelong.plan.methods import METHODS, Method
from lifelong.plan.networks import NETWORKS

SECTIONS = (
    "network",
    "ground",
    "goals",
    "expand",
    "recipe",
    "picking",
    "baseline",
    "train",
    "prune",
    "retrain",
    "layers",
    "joint",
)


def merge(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """`over` wins; mappings are merged key by key, anything else is replaced."""
    merged = dict(base)
    for key, value in over.items():
        both = isinstance(value, Mapping) and isinstance(merged.get(key), Mapping)
        merged[key] = merge(merged[key], value) if both else copy.deepcopy(value)
    return merged


def method_defaults() -> dict[str, Any]:
    """What methods do differently from the common recipe unless the configuration says more."""
    return {name: dict(row.defaults) for name, row in METHODS.items() if row.defaults}


def base_of(config: Mapping[str, Any], name: str) -> str:
    """The method that a variant is one of; any other is itself."""
    return str(config["variants"].get(name, {"method": name})["method"])


def own_key(config: Mapping[str, Any], name: str) -> str:
    """The key under which sections are said for this method or variant alone."""
    return f"{'variants' if name in config['variants'] else 'method_settings'}.{name}"


def row_of(config: Mapping[str, Any], name: str) -> Method:
    """The row of a method or of the method that a variant is one of."""
    return METHODS[base_of(config, name)]


def settings(config: Mapping[str, Any], name: str) -> dict[str, Any]:
    """The sections of the configuration as one method or variant sees them."""
    common = {section: config[section] for section in SECTIONS}
    own = merge(common, config["method_settings"].get(base_of(config, name), {}))
    variant = config["variants"].get(name, {})
    own = merge(own, {section: part for section, part in variant.items() if section in SECTIONS})
    if not NETWORKS[own["network"]["name"]].grows:
        own = merge(own, {"expand": {"cap": 1.0}})
    if not row_of(config, name).shares_batches:
        own["recipe"] = {key: own["recipe"][key] for key in own["recipe"] if key != "processes"}
    return own
