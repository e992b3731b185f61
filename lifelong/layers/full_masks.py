"""Shared layers that each task scales weight by weight and adds to, as LASEM's program has APD.

A task's filter is shared weight x sigmoid(`t003.mask.{layer}`) + `t003.extra.{layer}`, all three of
the same size; the bias is shared. Nothing protects what is shared.
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
from lifelong.layers.network import head_of, shapes_of, start_head
from lifelong.layers.part import LayerCard
from lifelong.nets.conv_stack import Filter, dropout, features, head, start_plain


class FullMasks(LayerLearner):
    """A task on the shared layers, all of them trained with it, with its masks and additions.

    The program means to hold the shared weights where they were, but the term never comes to its
    loss; it is left out here too.
    """

    def __init__(self, start: Start) -> None:
        super().__init__(start)
        for shape in shapes_of(self.card):
            self.take(shared_layer(self, HARD, shape.index))
            for kind in ("mask", "extra"):
                weight, _ = start_plain(shape.filter, self.start_generator)
                self.take({f"{self.card.own}{kind}.{shape.index}": weight})
        self.take(start_head(self.card, self.card.own, self.start_generator))
        self.train(lambda name: True)

    def objective(self, x: Tensor, y: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        card = self.card
        found = features(x, card.stack, _filters(self.tensors, card))
        found = dropout(found, self.options["dropout"], generator)
        found = head(found, head_of(self.tensors, card))
        extras = part_of(self.tensors, f"{card.own}extra.").values()
        sizes = torch.stack([extra.abs().mean() for extra in extras])
        return functional.cross_entropy(found, y) + self.options["apd"]["l1"] * sizes.mean(), found

    def logits(self, x: Tensor) -> Tensor:
        return _logits(x, self.tensors, self.card)

    def older(self, position: int) -> TaskView | None:
        card = self.model.cards[position - 1]
        tensors = on_device(self.model.tensors, card.own, self.device)
        tensors |= part_of(self.tensors, "shared.")
        return TaskView(lambda x: _logits(x, tensors, card))

    def commit(self, pattern: str) -> tuple[LayerCard, Tensors]:
        return replace(self.card, pattern=pattern), dict(self.tensors)


def full_masks_view(model: LayerModel, position: int, device: str) -> TaskView:
    """A learned task's network as the model is now; `position` counts from 1."""
    card = model.cards[position - 1]
    tensors = on_device(model.tensors, card.own, device)
    tensors |= on_device(model.tensors, "shared.", device)
    return TaskView(lambda x: _logits(x, tensors, card))


def _logits(x: Tensor, tensors: Mapping[str, Tensor], card: LayerCard) -> Tensor:
    return head(features(x, card.stack, _filters(tensors, card)), head_of(tensors, card))


def _filters(tensors: Mapping[str, Tensor], card: LayerCard) -> list[Filter]:
    found = []
    for layer in range(card.stack.depth):
        mask = torch.sigmoid(tensors[f"{card.own}mask.{layer}"])
        weight = tensors[f"shared.{layer}.weight"] * mask + tensors[f"{card.own}extra.{layer}"]
        found.append((weight, tensors[f"shared.{layer}.bias"]))
    return found
