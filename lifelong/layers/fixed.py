"""A task that shares the layers that its pattern says: no choice, all of it trained together."""

from collections.abc import Mapping
from dataclasses import replace

import torch
from torch import Tensor
from torch.nn import functional

from lifelong.layers.forms import Form
from lifelong.layers.learner import LayerLearner, LayerStart
from lifelong.layers.model import TaskView, Tensors, part_of
from lifelong.layers.network import (
    filters_of,
    head_of,
    inside,
    shapes_of,
    start_head,
    start_layer,
    start_own_layer,
    view_of,
)
from lifelong.layers.part import LayerCard
from lifelong.nets.conv_stack import dropout, features, head
from lifelong.plan.patterns import SHARED


class FixedPattern(LayerLearner):
    """STL, SNN, HPS, TF and DF-CNN are this with another form, pattern and head."""

    def __init__(self, start: LayerStart, form: Form, one_head: bool = False) -> None:
        super().__init__(start)
        self.form = form
        for shape, letter in zip(shapes_of(self.card), self.card.pattern, strict=True):
            if letter == SHARED:
                self.take(shared_layer(self, form, shape.index))
                mapping = form.start_own(shape, self.start_generator, self.options)
                self.take(start_layer(f"{self.card.own}map.{shape.index}", mapping))
            else:
                self.take(start_own_layer(self.card, shape, self.start_generator))
        known = inside(self.model.tensors, "shared.head")
        if one_head and known:
            self.take({f"shared.head.{name}": tensor for name, tensor in known.items()})
        else:
            prefix = "shared." if one_head else self.card.own
            self.take(start_head(self.card, prefix, self.start_generator))
        self.train(lambda name: True)

    def logits(self, x: Tensor) -> Tensor:
        filters = filters_of(self.form, self.tensors, self.card.own, self.card.pattern)
        return head(features(x, self.card.stack, filters), head_of(self.tensors, self.card))

    def objective(self, x: Tensor, y: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        filters = filters_of(self.form, self.tensors, self.card.own, self.card.pattern)
        hidden = features(x, self.card.stack, filters)
        hidden = dropout(hidden, self.options["dropout"], generator)
        logits = head(hidden, head_of(self.tensors, self.card))
        loss = functional.cross_entropy(logits, y)
        for layer, letter in enumerate(self.card.pattern):
            if letter == SHARED:
                shared = inside(self.tensors, f"shared.{layer}")
                own = inside(self.tensors, f"{self.card.own}map.{layer}")
                extra = self.form.penalty(shared, own, self.options)
                loss = loss if extra is None else loss + extra
        return loss, logits

    def older(self, position: int) -> TaskView | None:
        return moved_view(self, self.form, position)

    def commit(self, pattern: str) -> tuple[LayerCard, Tensors]:
        return replace(self.card, pattern=pattern), dict(self.tensors)


def shared_layer(learner: LayerLearner, form: Form, layer: int) -> Tensors:
    """The shared tensors of a layer: the model's, or fresh ones where no task shared it yet."""
    prefix = f"shared.{layer}"
    known = inside(learner.model.tensors, prefix)
    shape = shapes_of(learner.card)[layer]
    fresh = known or form.start_shared(shape, learner.start_generator, learner.options)
    return start_layer(prefix, fresh)


def take_both_kinds(learner: LayerLearner, form: Form) -> None:
    """All that a task needs while it is open which layers it shares: every layer twice, a head."""
    card, generator = learner.card, learner.start_generator
    for shape in shapes_of(card):
        learner.take(shared_layer(learner, form, shape.index))
        mapping = form.start_own(shape, generator, learner.options)
        learner.take(start_layer(f"{card.own}map.{shape.index}", mapping))
        learner.take(start_own_layer(card, shape, generator))
    learner.take(start_head(card, card.own, generator))


def chosen(tensors: Mapping[str, Tensor], card: LayerCard, pattern: str) -> Tensors:
    """Of a task's tensors with and without sharing, those that one pattern uses."""
    state = part_of(tensors, f"{card.own}head.")
    for layer, letter in enumerate(pattern):
        if letter == SHARED:
            state |= part_of(tensors, f"shared.{layer}.")
            state |= part_of(tensors, f"{card.own}map.{layer}.")
        else:
            state |= part_of(tensors, f"{card.own}own.{layer}.")
    return state


def moved_view(
    learner: LayerLearner, form: Form, position: int, pattern: str | None = None
) -> TaskView | None:
    """An older task on the learner's tensors; None where it shares no layer with them.

    `pattern`: what it shares now, if that is no longer what its card says.
    """
    card = learner.model.cards[position - 1]
    card = card if pattern is None else replace(card, pattern=pattern)
    tensors = on_device(learner.model.tensors, card.own, learner.device)
    one_head = not inside(tensors, f"{card.own}head.0")
    touched = [
        layer
        for layer, letter in enumerate(card.pattern)
        if letter == SHARED and inside(learner.tensors, f"shared.{layer}")
    ]
    if not touched and not one_head:
        return None
    tensors |= on_device(learner.model.tensors, "shared.", learner.device)
    tensors |= part_of(learner.tensors, card.own)
    tensors |= part_of(learner.tensors, "shared.")  # stepped in place: the view sees it
    return view_of(form, tensors, card)


def on_device(tensors: Mapping[str, Tensor], prefix: str, device: str) -> Tensors:
    return {k: t.to(device) for k, t in tensors.items() if k.startswith(prefix)}
