"""Layers that grow: common to all tasks, of which each sees the units it was learned with.

A unit is what a layer gives: a channel, or a number of a fully connected layer. Hidden layers are
`shared.{layer}.…` and, fully connected, `shared.head.{i}.…`; a task's output layer is
`t003.head.{i}.…`. New units come last, so that a task's network is the first so many units of each
layer, and connections from newer units do not reach it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.nn import functional

from lifelong.layers.model import LayerModel, TaskView, Tensors
from lifelong.layers.part import LayerCard
from lifelong.nets.conv_stack import Filter, features, head, start_glorot
from lifelong.plan.stacks import Stack


@dataclass(frozen=True)
class GrownLayer:
    """A layer's name and size: `cells` numbers connect a unit with each unit `below` it."""

    name: str
    units: int
    below: int
    cells: int
    kernel: int = 0  # 0: fully connected

    @property
    def shape(self) -> tuple[int, ...]:
        """Of its weight."""
        if self.kernel:
            return (self.units, self.below, self.kernel, self.kernel)
        return (self.units, self.below * self.cells)

    def by_unit(self, tensors: Mapping[str, Tensor]) -> Tensor:
        """Its weight as (units, below, cells), which is a view where it can be."""
        return tensors[f"{self.name}.weight"].reshape(self.units, self.below, self.cells)

    def filter(self, tensors: Mapping[str, Tensor]) -> Filter:
        return tensors[f"{self.name}.weight"], tensors[f"{self.name}.bias"]


def first_widths(card: LayerCard, hidden: Sequence[int] | None = None) -> list[int]:
    """Units of each hidden layer before any task; `hidden` instead of the network's own."""
    return [*card.stack.channels, *(card.stack.hidden if hidden is None else hidden)]


def layers_of(card: LayerCard, widths: Sequence[int]) -> list[GrownLayer]:
    """All layers of a task's network from the image on; the last is its output layer."""
    stack = card.stack
    area = stack.sides(card.image_size)[-1] ** 2
    layers, below = [], card.in_channels
    for index, units in enumerate([*widths, len(card.classes)]):
        dense = index - stack.depth
        if dense < 0:
            kernel = stack.kernels[index]
            layers.append(GrownLayer(f"shared.{index}", units, below, kernel**2, kernel))
        else:
            whose = "shared." if index < len(widths) else card.own
            layers.append(
                GrownLayer(f"{whose}head.{dense}", units, below, area if dense == 0 else 1)
            )
        below = units
    return layers


def start_units(layers: Sequence[GrownLayer], generator: torch.Generator) -> Tensors:
    """Fresh layers, uniform after Glorot; biases too, as if each were connected with all."""
    tensors: Tensors = {}
    for layer in layers:
        fans = layer.below * layer.cells, layer.units * max(layer.kernel, 1) ** 2
        weight = start_glorot(layer.shape, *fans, generator)
        bias = start_glorot((layer.units,), layer.units, layer.units, generator)
        tensors |= {f"{layer.name}.weight": weight, f"{layer.name}.bias": bias}
    return tensors


def plant(
    into: Mapping[str, Tensor],
    larger: Sequence[GrownLayer],
    tensors: Mapping[str, Tensor],
    smaller: Sequence[GrownLayer],
) -> None:
    """Copy layers over the first units of layers at least as large."""
    for large, small in zip(larger, smaller, strict=True):
        if f"{small.name}.weight" in tensors:
            here = into[f"{large.name}.weight"].view(large.units, large.below, large.cells)
            here[: small.units, : small.below].copy_(small.by_unit(tensors))
            into[f"{large.name}.bias"][: small.units].copy_(tensors[f"{small.name}.bias"])


def taken(
    tensors: Mapping[str, Tensor], layers: Sequence[GrownLayer], units: Sequence[Tensor]
) -> Tensors:
    """The chosen units of the hidden layers, in that order, once or more; all outputs."""
    state: Tensors = {}
    below = torch.arange(layers[0].below, device=units[0].device)
    every = torch.arange(layers[-1].units, device=units[0].device)
    for layer, chosen in zip(layers, [*units, every], strict=True):
        size = replace(layer, units=len(chosen), below=len(below))
        state[f"{layer.name}.weight"] = layer.by_unit(tensors)[chosen][:, below].reshape(size.shape)
        state[f"{layer.name}.bias"] = tensors[f"{layer.name}.bias"][chosen]
        below = chosen
    return state


def selected(tensors: Mapping[str, Tensor], layers: Sequence[GrownLayer]) -> list[list[int]]:
    """Units of each hidden layer that are connected, over whatever units, with any class."""
    units: list[list[int]] = []
    above = list(range(layers[-1].units))
    for layer in reversed(layers[1:]):
        connected = (layer.by_unit(tensors) != 0).any(2)
        above = connected[above].any(0).nonzero().flatten().tolist()
        units.append(above)
    return units[::-1]


def awake(
    tensors: Mapping[str, Tensor], layers: Sequence[GrownLayer], old: Sequence[int]
) -> list[list[int]]:
    """The units of hidden layers without those beyond `old` whose weights and bias are all zero."""
    units = []
    for layer, count in zip(layers[:-1], old, strict=True):
        alive = (layer.by_unit(tensors) != 0).flatten(1).any(1)
        alive |= tensors[f"{layer.name}.bias"] != 0
        alive[:count] = True
        units.append(alive.nonzero().flatten().tolist())
    return units


def drifted(now: Tensor, before: Tensor, least: float, most: int) -> list[int]:
    """Units (rows) that turned furthest away: cosine below `least`, `most` of them, as they count.

    A row that did not move has a cosine of 1, zeros too.
    """
    now, before = now.flatten(1).double(), before.flatten(1).double()
    cosine = functional.cosine_similarity(now, before)
    cosine = torch.where((now == before).all(1), 1.0, cosine)
    order = torch.argsort(cosine, stable=True)[:most]
    return sorted(order[cosine[order] < least].tolist())


def logits_of(x: Tensor, stack: Stack, filters: Sequence[Filter]) -> Tensor:
    """Classes (batch, classes) by the filters of all layers, the output layer last."""
    hidden = features(x, stack, filters[: stack.depth])
    return head(hidden, filters[stack.depth :])


def seen_by(tensors: Mapping[str, Tensor], card: LayerCard) -> Tensors:
    """A task's network out of layers that may have grown since."""
    state: Tensors = {}
    for layer in layers_of(card, card.facts["widths"]):
        weight, bias = layer.filter(tensors)
        rows = weight.reshape(len(weight), -1, layer.cells)[: layer.units, : layer.below]
        state[f"{layer.name}.weight"] = rows.reshape(layer.shape)
        state[f"{layer.name}.bias"] = bias[: layer.units]
    return state


def growing_view(tensors: Mapping[str, Tensor], card: LayerCard) -> TaskView:
    """A task's network on common layers that may still change; it is cut out in every call."""
    layers = layers_of(card, card.facts["widths"])

    def compute(x: Tensor) -> Tensor:
        cut = seen_by(tensors, card)
        return logits_of(x, card.stack, [layer.filter(cut) for layer in layers])

    return TaskView(compute)


def unit_view(model: LayerModel, position: int, device: str) -> TaskView:
    """A learned task's network as the model is now; `position` counts from 1."""
    card = model.cards[position - 1]
    wanted = ("shared.", card.own)
    tensors = {k: t.to(device) for k, t in model.tensors.items() if k.startswith(wanted)}
    return growing_view(tensors, card).keeping(tensors)
