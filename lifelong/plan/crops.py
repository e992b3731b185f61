"""What networks see of images: all, or random squares in training and the centre afterwards."""

from collections.abc import Iterable, Mapping
from typing import Any

from lifelong.plan.errors import ConfigError
from lifelong.plan.networks import NETWORKS


def seen_side(task: Mapping[str, Any], side: int) -> int:
    """The side in pixels of what a network sees of a task's images of `side` pixels."""
    return int(task.get("crop", side))


def check_crop(task: Mapping[str, Any], side: int, networks: Iterable[str]) -> None:
    """Raise ConfigError where a task's crop is larger than its images, or a network takes none."""
    if "crop" not in task:
        return
    where = f"config key tasks: crop of task {task['name']!r}"
    if task["crop"] > side:
        raise ConfigError(f"{where} is {task['crop']}, but its images have {side} pixels: lower it")
    if whole := sorted(name for name in networks if NETWORKS[name].stack is not None):
        raise ConfigError(f"{where}: {whole[0]} always sees whole images: remove it")


def check_sight(network: Mapping[str, Any]) -> None:
    """Raise ConfigError where a network of shared layers shall see images otherwise than packed."""
    changed = [key for key in ("input_size", "standardise") if network.get(key)]
    if changed and NETWORKS[network["name"]].stack is not None:
        raise ConfigError(
            f"config key network.{changed[0]}: {network['name']} sees images as they are packed: "
            "remove it"
        )
