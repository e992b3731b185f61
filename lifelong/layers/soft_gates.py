"""Shared layers whose maps each task weighs by gates of its own, as LASEM's program has them.

`t003.gate.{layer}` is a network of one hidden layer that sees all that enters the layer; its
softmax over the filters weighs what the layer gives, after its pool. Nothing protects the shared
layers.
"""

from collections.abc import Mapping
from dataclasses import replace

import torch
from torch import Tensor
from torch.nn import functional

from lifelong.layers.fixed import on_device, shared_layer
from lifelong.layers.forms import HARD
from lifelong.layers.learner import LayerLearner, Start
from lifelong.layers.model import LayerModel, TaskView, Tensors, part_of
from lifelong.layers.network import head_of, shapes_of, shared_filter, start_head, start_layer
from lifelong.layers.part import LayerCard
from lifelong.nets.conv_stack import Filter, dropout, head, layer, start_plain, through

_HIDDEN = 256
_TEMPERATURE = 0.1


class SoftGates(LayerLearner):
    """A task on the shared layers, all of them trained with it, behind gates of its own.

    The program's penalty of the gates is left out: their mean is one over the number of filters
    whatever they are, so that it has no gradient.
    """

    def __init__(self, start: Start) -> None:
        super().__init__(start)
        card, side = self.card, self.card.image_size
        entering = (side, *card.stack.sides(side)[:-1])
        for shape, side in zip(shapes_of(card), entering, strict=True):
            self.take(shared_layer(self, HARD, shape.index))
            for number, size in enumerate(
                ((_HIDDEN, shape.inputs * side**2), (shape.outputs, _HIDDEN))
            ):
                weight, bias = start_plain(size, self.start_generator)
                name = f"{card.own}gate.{shape.index}.{number}"
                self.take(start_layer(name, {"weight": weight, "bias": bias}))
        self.take(start_head(card, card.own, self.start_generator))
        self.train(lambda name: True)

    def objective(self, x: Tensor, y: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        found = _features(x, self.card, self.tensors)
        found = dropout(found, self.options["dropout"], generator)
        found = head(found, head_of(self.tensors, self.card))
        return functional.cross_entropy(found, y), found

    def logits(self, x: Tensor) -> Tensor:
        return head(_features(x, self.card, self.tensors), head_of(self.tensors, self.card))

    def older(self, position: int) -> TaskView | None:
        card = self.model.cards[position - 1]
        tensors = on_device(self.model.tensors, card.own, self.device)
        return _view(card, tensors | part_of(self.tensors, "shared."))

    def commit(self, pattern: str) -> tuple[LayerCard, Tensors]:
        return replace(self.card, pattern=pattern), dict(self.tensors)


def soft_view(model: LayerModel, position: int, device: str) -> TaskView:
    """A learned task's network as the model is now; `position` counts from 1."""
    card = model.cards[position - 1]
    wanted = on_device(model.tensors, card.own, device)
    return _view(card, wanted | on_device(model.tensors, "shared.", device))


def _view(card: LayerCard, tensors: Mapping[str, Tensor]) -> TaskView:
    return TaskView(lambda x: head(_features(x, card, tensors), head_of(tensors, card)))


def _features(x: Tensor, card: LayerCard, tensors: Mapping[str, Tensor]) -> Tensor:
    def step(index: int, x: Tensor, skip: Tensor | None) -> Tensor:
        gates = [_linear(tensors, f"{card.own}gate.{index}.{number}") for number in (0, 1)]
        opened = torch.softmax(head(torch.flatten(x, 1), gates) / _TEMPERATURE, 1)
        filter = shared_filter(HARD, tensors, card.own, index)
        return layer(x, filter, card.stack.pools[index], skip) * opened[:, :, None, None]

    return through(x, card.stack, step)


def _linear(tensors: Mapping[str, Tensor], name: str) -> Filter:
    return tensors[f"{name}.weight"], tensors[f"{name}.bias"]
