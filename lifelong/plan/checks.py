"""Whether the methods that a configuration names exist and can run as they are configured."""

import difflib
from collections.abc import Iterable, Mapping
from typing import Any

from lifelong.plan.errors import ConfigError
from lifelong.plan.families import FAMILIES
from lifelong.plan.methods import METHODS
from lifelong.plan.paths import OF_EXPERIMENT
from lifelong.plan.settings import row_of, settings


def check_methods(config: Mapping[str, Any]) -> None:
    """Raise ConfigError for a method or variant that does not exist, or shares another's folder."""
    folders = {name.casefold() for name in (*METHODS, *OF_EXPERIMENT)}
    for name, variant in config["variants"].items():
        if name in METHODS:
            raise ConfigError(f"config key variants: {name!r} is a method already, rename it")
        if name.casefold() in folders:  # some file systems take Hps for hps
            raise ConfigError(
                f"config key variants: {name!r} would share its folder of results with another, "
                "rename it"
            )
        folders.add(name.casefold())
        if variant["method"] not in METHODS:
            raise ConfigError(
                f"config key variants.{name}.method: there is no method {variant['method']!r}"
                f"{near(variant['method'], METHODS)}"
            )
    known = [*METHODS, *config["variants"]]
    for place, name in enumerate(config["methods"]):
        if name not in known:
            raise ConfigError(
                f"config key methods.{place}: there is no method {name!r}{near(name, known)}"
            )


def check_settings(config: Mapping[str, Any]) -> None:
    """Raise ConfigError where a method cannot run with its settings on these tasks."""
    names = {task["name"] for task in config["tasks"]}
    for name in config["methods"]:
        row, own = row_of(config, name), settings(config, name)
        if unknown := sorted(set(own["goals"]["given"]) - names):
            raise ConfigError(f"config key goals.given: there is no task {unknown[0]!r}")
        _check_recipe(name, own["recipe"])
        FAMILIES[row.family].check(name, row, own, config)


def _check_recipe(name: str, recipe: Mapping[str, Any]) -> None:
    if "epsilon" in recipe and recipe.get("optimiser") != "rmsprop":
        raise ConfigError(
            f"config key recipe.epsilon ({name}): only rmsprop has one: set recipe.optimiser to "
            "it, or remove the key"
        )
    for key, (low, high) in recipe.get("resized_crop", {}).items():
        if low > high:
            raise ConfigError(
                f"config key recipe.resized_crop.{key} ({name}): {low} is more than {high}, give "
                "the smaller one first"
            )


def near(name: str, known: Iterable[str]) -> str:
    """The end of a message about a name that does not exist: the closest one, or all there are."""
    close = difflib.get_close_matches(name, list(known), 1)
    return f"; did you mean {close[0]!r}?" if close else f"; there are {', '.join(known)}"
