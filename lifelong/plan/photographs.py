"""What the configuration may say of sets of photographs, and what of it the stages must know."""

from collections.abc import Mapping
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
