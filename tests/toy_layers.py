"""Learners of the layer family for tests: two layers, images of 8 x 8, steps without a loop."""

from functools import cache
from typing import Any

import torch
from torch import Tensor
from toy_experiment import toy_layers_config

from lifelong.layers.learner import LayerLearner, LayerStart
from lifelong.layers.model import LayerModel
from lifelong.layers.part import LayerCard, LayerPart
from lifelong.methods import layer_method
from lifelong.plan.config import check
from lifelong.plan.families.layers import options_of, pattern_of
from lifelong.plan.methods import METHODS
from lifelong.train.layer_step import LayerStep

torch.set_num_threads(1)


@cache
def _defaults() -> dict[str, Any]:
    return check(toy_layers_config(["stl"]))["layers"]


def layers_settings(**changes: Any) -> dict[str, Any]:
    """The section `layers` as it is by default; a mapping changes some keys of one."""
    found = dict(_defaults())
    for name, value in changes.items():
        found[name] = {**found[name], **value} if isinstance(value, dict) else value
    return found


def layer_card(method: str, position: int = 1, **changes: Any) -> LayerCard:
    """A card of tiny_cnn2; `changes` are to the card or to the section `layers`."""
    fields = set(LayerCard.__dataclass_fields__)
    own = {name: value for name, value in changes.items() if name in fields}
    layers = layers_settings(**{k: v for k, v in changes.items() if k not in fields})
    network = own.get("network", "tiny_cnn2")
    known = {
        "experiment": "toy",
        "method": method,
        "base": method,
        "seed": 0,
        "position": position,
        "task": f"task{position}",
        "classes": ("a", "b", "c"),
        "network": network,
        "channels": 1.0,
        "in_channels": 1,
        "image_size": 8,
        "mean": (0.5,),
        "std": (0.25,),
        "lineage": (),
        "pattern": pattern_of(METHODS[method], layers, network),
        "options": options_of(METHODS[method], layers),
    }
    return LayerCard(**{**known, **own})


def new_model(method: str) -> LayerModel:
    return LayerModel(layer_method(method).view)


def new_learner(
    method: str, model: LayerModel | None = None, seed: int | None = None, **changes: Any
) -> LayerLearner:
    """A learner of the task after those of a model."""
    model = new_model(method) if model is None else model
    position = len(model.shards) + 1
    card = layer_card(method, position, **changes)
    start = LayerStart(model, card, position if seed is None else seed, "cpu")
    return layer_method(method).learner(start)


def images(count: int = 12, seed: int = 0, side: int = 8, channels: int = 1) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(count, channels, side, side, generator=generator)


def stepped(learner: LayerLearner, steps: int = 3, rate: float = 0.01, seed: int = 0) -> LayerStep:
    """The step after some of them on random images of turning labels."""
    step = LayerStep(learner, seed)
    step.rate = rate
    for index in range(steps):
        x = images(seed=1000 * seed + index, channels=learner.card.in_channels)
        step(x, torch.arange(len(x)) % len(learner.card.classes))
    return step


def add(model: LayerModel, learner: LayerLearner, pattern: str | None = None) -> set[str]:
    """Commit a task to its model; returns the names that it wrote."""
    card, tensors = learner.commit(learner.card.pattern if pattern is None else pattern)
    arrays = {name: tensor.detach().clone().numpy() for name, tensor in tensors.items()}
    model.add(LayerPart(card, arrays))
    return set(arrays)


def snapshot(learner: LayerLearner) -> dict[str, Tensor]:
    return {name: tensor.detach().clone() for name, tensor in learner.state().items()}
