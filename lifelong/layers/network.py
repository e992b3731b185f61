"""The tensors of one task's network by name, and the filters made of them.

`shared.{layer}.{name}` all tasks share; `t003.map.{layer}.{name}` fits a shared layer to a task,
`t003.own.{layer}.{name}` is a layer of its own and `t003.head.{i}.{name}` its classes; a network of
one head for all has `shared.head.{i}.{name}`.
"""

from collections.abc import Mapping

import torch
from torch import Tensor

from lifelong.layers.forms import Form, LayerShape
from lifelong.layers.model import LayerModel, TaskView, Tensors
from lifelong.layers.part import LayerCard
from lifelong.nets.conv_stack import Filter, features, head, start_plain
from lifelong.plan.patterns import SHARED


def shapes_of(card: LayerCard) -> list[LayerShape]:
    """The convolutions of a task's network."""
    stack = card.stack
    sizes = zip(stack.kernels, stack.inputs(card.in_channels), stack.channels, strict=True)
    return [LayerShape(index, *size, card.network) for index, size in enumerate(sizes)]


def start_layer(prefix: str, tensors: Mapping[str, Tensor]) -> Tensors:
    """Tensors of one layer under their whole names."""
    return {f"{prefix}.{name}": tensor for name, tensor in tensors.items()}


def start_own_layer(card: LayerCard, shape: LayerShape, generator: torch.Generator) -> Tensors:
    """A fresh layer of a task's own."""
    weight, bias = start_plain(shape.filter, generator)
    return start_layer(f"{card.own}own.{shape.index}", {"weight": weight, "bias": bias})


def start_head(card: LayerCard, prefix: str, generator: torch.Generator) -> Tensors:
    """Fresh fully connected layers; `prefix` is `t003.` or `shared.`."""
    tensors: Tensors = {}
    for index, (inputs, outputs) in enumerate(card.stack.dense(card.image_size, len(card.classes))):
        weight, bias = start_plain((outputs, inputs), generator)
        tensors |= start_layer(f"{prefix}head.{index}", {"weight": weight, "bias": bias})
    return tensors


def inside(tensors: Mapping[str, Tensor], prefix: str) -> Tensors:
    """The tensors below a name, under what is left of theirs."""
    start = f"{prefix}."
    return {
        name.removeprefix(start): tensor
        for name, tensor in tensors.items()
        if name.startswith(start)
    }


def shared_filter(form: Form, tensors: Mapping[str, Tensor], own: str, layer: int) -> Filter:
    """The filter of a layer that a task shares; `own` begins the names of the task's tensors."""
    shared = inside(tensors, f"shared.{layer}")
    return form.filter(shared, inside(tensors, f"{own}map.{layer}"))


def own_filter(tensors: Mapping[str, Tensor], own: str, layer: int) -> Filter:
    """The filter of a layer of a task's own."""
    return tensors[f"{own}own.{layer}.weight"], tensors[f"{own}own.{layer}.bias"]


def filters_of(form: Form, tensors: Mapping[str, Tensor], own: str, pattern: str) -> list[Filter]:
    """The filters of all layers of a task."""
    return [
        shared_filter(form, tensors, own, layer)
        if letter == SHARED
        else own_filter(tensors, own, layer)
        for layer, letter in enumerate(pattern)
    ]


def head_of(tensors: Mapping[str, Tensor], card: LayerCard) -> list[Filter]:
    """The fully connected layers of a task, its own or those of all tasks."""
    prefix = card.own if f"{card.own}head.0.weight" in tensors else "shared."
    count = len(card.stack.hidden) + 1
    names = [f"{prefix}head.{index}" for index in range(count)]
    return [(tensors[f"{name}.weight"], tensors[f"{name}.bias"]) for name in names]


def view_of(form: Form, tensors: Mapping[str, Tensor], card: LayerCard) -> TaskView:
    """A task's network on tensors that may still change; its filters are made once a call."""

    def compute(x: Tensor) -> Tensor:
        filters = filters_of(form, tensors, card.own, card.pattern)
        return head(features(x, card.stack, filters), head_of(tensors, card))

    return TaskView(compute)


def task_view(form: Form, model: LayerModel, position: int, device: str) -> TaskView:
    """A learned task's network as the model is now; `position` counts from 1."""
    card = model.cards[position - 1]
    wanted = ("shared.", card.own)
    tensors = {
        name: tensor.to(device) for name, tensor in model.tensors.items() if name.startswith(wanted)
    }
    return view_of(form, tensors, card).keeping(tensors)
