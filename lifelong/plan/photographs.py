"""What the configuration may say of sets of photographs, and what of it the stages must know."""

import ast
import difflib
import importlib.util
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lifelong.plan.errors import ConfigError
from lifelong.plan.sources import SOURCES

QUALITY = 90  # of JPEGs that are written, where nothing is said
_OF_PHOTOGRAPHS = ("resize", "bad_images", "store", "quality")


def check_photographs(where: str, dataset: Mapping[str, Any]) -> None:
    """Raise ConfigError where a data set cannot be kept as it says."""
    source = SOURCES[dataset["source"]]
    said = [key for key in _OF_PHOTOGRAPHS if key in dataset]
    if said and not source.resizes:
        raise ConfigError(
            f"{where}.{said[0]}: it is for photographs of any size, not {source.title}: remove it"
        )
    if "quality" in dataset and not keeps_jpeg(dataset):
        raise ConfigError(f"{where}.quality: it is of JPEGs: set store: jpeg, or remove it")
    _check_name(where, dataset, source.named)


def _check_name(where: str, dataset: Mapping[str, Any], named: bool) -> None:
    """Raise ConfigError where `name` is missing, out of place or of no set of torchvision."""
    for key in ("name", "options"):
        if key in dataset and not named:
            raise ConfigError(f"{where}.{key}: it is for source torchvision alone: remove it")
    if not named:
        return
    if "name" not in dataset:
        raise ConfigError(f"{where}.name: say which set of torchvision, such as FashionMNIST")
    known = _torchvision_sets()
    if known and dataset["name"] not in known:
        close = difflib.get_close_matches(dataset["name"], known, 1)
        hint = f"; did you mean {close[0]!r}?" if close else ", whose documentation lists them"
        raise ConfigError(f"{where}.name: torchvision has no set {dataset['name']!r}{hint}")


def _torchvision_sets() -> list[str]:
    """The names that torchvision offers; [] where it is not installed or looks otherwise.

    They are read without importing it, which takes seconds.
    """
    spec = importlib.util.find_spec("torchvision")
    if spec is None or spec.origin is None:
        return []
    file = Path(spec.origin).parent / "datasets" / "__init__.py"
    try:
        body = ast.parse(file.read_text(encoding="utf-8")).body
    except (OSError, SyntaxError):
        return []
    lists = [
        node.value
        for node in body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__"
    ]
    return [str(name) for name in ast.literal_eval(lists[0])] if lists else []


def keeps_jpeg(dataset: Mapping[str, Any]) -> bool:
    return bool(dataset.get("store", "pixels") == "jpeg")


def quality_of(dataset: Mapping[str, Any]) -> int:
    """Of the JPEGs that a pack keeps; 0 where it keeps pixels."""
    return int(dataset.get("quality", QUALITY)) if keeps_jpeg(dataset) else 0


def framing_of(dataset: Mapping[str, Any]) -> dict[str, Any]:
    """How pictures become images of a data set, where they are not just resized to a square."""
    framing: dict[str, Any] = {}
    if dataset.get("resize", "exact") != "exact":
        framing["resize"] = dataset["resize"]
    if quality := quality_of(dataset):
        framing["quality"] = quality
    return framing
