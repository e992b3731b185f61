"""Wrong pretrained weights: their names, their files, and what is in these."""

# ruff: noqa: E501 - one case a line, as in a table

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from bad_input.case import CONFIG, Case, Make, write_config

from lifelong.nets import build
from lifelong.plan.networks import Architecture

KEY = "config key ground.pretrained: "
STAGE = ("stage", "results/tiny/ground/ground.h5")


def _config(**changes: Any) -> Make:
    return lambda folder: write_config(folder, CONFIG | changes)


def _file(write: Callable[[Path], object], name: str = "w.pth") -> Make:
    def make(folder: Path) -> None:
        write_config(folder, CONFIG | {"ground": {"pretrained": name}})
        write(folder / name)

    return make


def _state(**changes: Any) -> dict[str, torch.Tensor]:
    """The weights of the network of these cases."""
    return {**build(Architecture("small_cnn", 1, 2, channels=0.25)).body.state_dict(), **changes}


class _Running:
    """Would make a file when it is read."""

    def __reduce__(self) -> Any:
        return Path.touch, (Path("pwned"),)


def _one_key_less(path: Path) -> None:
    state = _state()
    del state["hidden.0.weight"]
    torch.save(state, path)


_WEIGHTS = "save a state dict of tensors alone (torch.save or safetensors)"
# what is wrong | how it is made | message | what to do | command
_CASES: list[tuple[str, Make, str, str, tuple[str, ...]]] = [
    ("weights that nobody knows", _config(ground={"pretrained": "resnet34"}), KEY + "there are no weights 'resnet34'; there are efficientnet_lite0, …, or give a file that ends in .pth, .pt, .safetensors", "use one of those listed, or a file", ("run",)),
    ("weights of another network, by name", _config(ground={"pretrained": "efficientnet_lite0"}), KEY + "efficientnet_lite0 are weights of efficientnet_lite0, not small_cnn: set network.name to efficientnet_lite0", "set network.name", ("run",)),
    ("probe without weights", _config(methods=["probe"]), KEY + "probe learns nothing but an output layer: say on which weights (efficientnet_lite0, …, or a file), or leave it out", "set ground.pretrained", ("run",)),
    ("a method that cannot begin with given weights", _config(methods=["wsn"], ground={"pretrained": "w.pth"}), KEY + "wsn cannot begin with given weights: leave it out, or set method_settings.wsn.ground.pretrained to null", "leave it out", ("run",)),
    ("two sets of weights in one experiment", _config(ground={"pretrained": "w.pth"}, method_settings={"cpg": {"ground": {"pretrained": "v.pth"}}}), "config key ground.pretrained (cpg): an experiment has one ground: say it at the top, or null here for none", "make two experiments", ("run",)),
    ("two networks on one set of weights", _config(ground={"pretrained": "w.pth"}, method_settings={"cpg": {"network": {"channels": 0.5}}}), "config key network (cpg): an experiment with a ground has one network: remove it", "remove it", ("run",)),
    ("all weights released", _config(ground={"pretrained": "w.pth", "released": 1.0}), "config key ground.released: 1.0 is greater than or equal to the maximum of 1", "release fewer", ("run",)),
    ("a file of weights that is not there", _config(ground={"pretrained": "w.pth"}), KEY + "w.pth cannot be read as weights: No such file or directory", "correct the path", STAGE),
    ("a file of weights that is none", _file(lambda path: path.write_bytes(b"weights")), KEY + f"w.pth cannot be read as weights: {_WEIGHTS}", "save it again", STAGE),
    ("safetensors that are none", _file(lambda path: path.write_bytes(b"weights!" * 9), "w.safetensors"), KEY + f"w.safetensors cannot be read as weights: {_WEIGHTS}", "save it again", STAGE),
    ("a file of weights that would run code", _file(lambda path: path.write_bytes(pickle.dumps(_Running()))), KEY + f"w.pth cannot be read as weights: {_WEIGHTS}", "save tensors alone", STAGE),
    ("a whole network instead of its weights", _file(lambda path: torch.save({"network": torch.zeros(1), "epoch": 3}, path)), KEY + "w.pth holds more than tensors by name: save a state dict alone", "save network.state_dict()", STAGE),
    ("weights of another network, in a file", _file(lambda path: torch.save({f"layer{i}.weight": torch.zeros(2, 2) for i in range(5)}, path)), KEY + "w.pth does not fit small_cnn: missing: features.0.weight, features.1.weight, features.1.bias and … more; not of this network: layer0.weight, layer1.weight, layer2.weight and 2 more: choose weights of that network, or the network of the weights", "choose others", STAGE),
    ("weights without one layer", _file(_one_key_less), KEY + "w.pth does not fit small_cnn: missing: hidden.0.weight: choose weights of that network, or the network of the weights", "choose others", STAGE),
    ("weights of a wider network", _file(lambda path: torch.save(_state(**{"hidden.0.bias": torch.zeros(9)}), path)), KEY + "w.pth does not fit small_cnn: of another shape: hidden.0.bias 9 for …: choose weights of that network, or the network of the weights", "set network.channels", STAGE),
    ("weights that are no numbers", _file(lambda path: torch.save(_state(**{"hidden.0.bias": torch.full_like(_state()["hidden.0.bias"], torch.nan)}), path)), KEY + "w.pth does not fit small_cnn: not finite: hidden.0.bias: choose weights of that network, or the network of the weights", "choose others", STAGE),
]  # fmt: skip
CASES = [Case(wrong, says, do, make, command) for wrong, make, says, do, command in _CASES]
