"""Pretrained weights that an experiment may stand on, and what they were made for."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lifelong.plan.errors import ConfigError
from lifelong.plan.networks import TORCHVISION
from lifelong.plan.paths import MANIFEST, Paths
from lifelong.plan.raw_files import files_digest
from lifelong.plan.revisions import STAGES
from lifelong.plan.settings import row_of, settings
from lifelong.plan.sources import SOURCES
from lifelong.plan.specs import Grounding
from lifelong.plan.stage import Stage

FILES = (".pth", ".pt", ".safetensors")
FILE = "ground.h5"
_WEIGHTS_NAME = re.compile(r"\w+_Weights\.\w+", re.ASCII)  # as torchvision names them


@dataclass(frozen=True)
class Weights:
    """Weights by name: of which network, from where, and for which images.

    `mean` and `std` are per channel, of pixels in [0, 1]; `side` is in pixels. `reader` is
    "module:function", called with the name, and gives a state dict.
    """

    name: str
    network: str
    reader: str
    mean: tuple[float, ...] = (0.485, 0.456, 0.406)  # of ImageNet
    std: tuple[float, ...] = (0.229, 0.224, 0.225)
    side: int = 224


def _torchvision(network: str, names: str) -> tuple[Weights, ...]:
    reader = "lifelong.work.pretrained:of_torchvision"
    return tuple(Weights(name, network, reader) for name in names.split())


_ROWS = (
    Weights(
        "efficientnet_lite0",
        "efficientnet_lite0",
        "lifelong.work.pretrained:of_lite0",
        mean=(127 / 255,) * 3,
        std=(128 / 255,) * 3,
    ),
    *_torchvision("resnet18", "ResNet18_Weights.IMAGENET1K_V1"),
    *_torchvision("resnet50", "ResNet50_Weights.IMAGENET1K_V1 ResNet50_Weights.IMAGENET1K_V2"),
)
WEIGHTS: dict[str, Weights] = {row.name: row for row in _ROWS}


def made_for(ground: Mapping[str, Any], network: str) -> Weights | None:
    """What the weights of an experiment were made for: of a file, what its network's usually are.

    None where there are none, or nobody knows.
    """
    name = ground["pretrained"]
    if name is None or name in WEIGHTS:
        return WEIGHTS.get(name)
    if network.startswith(TORCHVISION):
        return _torchvision(network, name)[0]
    return next((row for row in _ROWS if row.network == network), None)


def is_file(ground: Mapping[str, Any], network: str) -> bool:
    """Whether the weights are a file of the user's, not known by their name."""
    name = ground["pretrained"]
    by_name = network.startswith(TORCHVISION) and _WEIGHTS_NAME.fullmatch(name)
    return name not in WEIGHTS and not by_name


def use_ground(config: dict[str, Any]) -> None:
    """Fill in what pretrained weights want of images: mean, std and size, where nothing is said.

    Raises ConfigError where there are no such weights, or they are of another network.
    """
    name, network = config["ground"]["pretrained"], config["network"]
    if name is None:
        return
    where = "config key ground.pretrained"
    if is_file(config["ground"], network["name"]):
        _check_file(where, name)
    elif name in WEIGHTS and WEIGHTS[name].network != network["name"]:
        raise ConfigError(
            f"{where}: {name} are weights of {WEIGHTS[name].network}, not {network['name']}: set "
            f"network.name to {WEIGHTS[name].network}"
        )
    if network["channels"] != 1.0 and name in WEIGHTS:
        raise ConfigError(f"{where}: {name} has all channels of its network: set channels to 1.0")
    weights = made_for(config["ground"], network["name"])
    for dataset in config["datasets"].values() if weights else ():
        _show(dataset, weights)


def _check_file(where: str, name: str) -> None:
    if Path(name).suffix not in FILES:
        raise ConfigError(
            f"{where}: there are no weights {name!r}; there are {', '.join(WEIGHTS)}, or give a "
            f"file that ends in {', '.join(FILES)}"
        )


def _show(dataset: dict[str, Any], weights: Weights | None) -> None:
    """Make images of a data set what the weights were trained on, where nothing else is said."""
    assert weights is not None
    if not {"mean", "std", "normalise"} & set(dataset) and dataset["channels"] == 3:
        dataset |= {"mean": list(weights.mean), "std": list(weights.std)}
    source = SOURCES[dataset["source"]]
    if source.resizes and not source.faces and dataset["image_size"] is None:
        dataset["image_size"] = weights.side


def check_grounds(config: Mapping[str, Any]) -> None:
    """Raise ConfigError where a method cannot stand on the pretrained weights, or needs some."""
    common = config["ground"]["pretrained"]
    for name in config["methods"]:
        row, own = row_of(config, name), settings(config, name)
        given = own["ground"]["pretrained"]
        if given is None:
            if row.needs_pretrained:
                raise ConfigError(
                    f"config key ground.pretrained: {name} learns nothing but an output layer: say "
                    f"on which weights ({', '.join(WEIGHTS)}, or a file), or leave it out"
                )
            continue
        if given != common:
            raise ConfigError(
                f"config key ground.pretrained ({name}): an experiment has one ground: say it at "
                "the top, or null here for none"
            )
        if not row.pretrained:
            raise ConfigError(
                f"config key ground.pretrained: {name} cannot begin with given weights: leave it "
                f"out, or set method_settings.{row.name}.ground.pretrained to null"
            )
        if own["network"] != config["network"]:
            raise ConfigError(
                f"config key network ({name}): an experiment with a ground has one network: "
                "remove it"
            )


def ground_stage(config: Mapping[str, Any], paths: Paths) -> Stage:
    """The job that reads and checks the pretrained weights, once per experiment."""
    name, network = config["ground"]["pretrained"], config["network"]
    folder = paths.of_kind("ground")
    weights = made_for(config["ground"], network["name"])
    spec = Grounding(
        revision=[STAGES["ground"]],
        kind="ground",
        experiment=config["experiment"],
        pretrained=name,
        network=network,
        in_channels=next(iter(config["datasets"].values()))["channels"],
        files=files_digest([name], Path(f"{paths.prefix}{folder}/{MANIFEST}"))
        if is_file(config["ground"], network["name"])
        else {},
        made_for={"side": weights.side} if weights else {},
    )
    return Stage("ground", folder, {}, spec)
