"""Brute force: every pattern is trained to the end, and the best on the deciding split is kept.

What LASEM (Lee, Behpour & Eaton, ICML 2021) shortens: each task is learned once with every pattern
of shared and own layers, from the same model each time. The first task shares with nobody; the
second imposes its pattern on it, so that what the first task learned is what is shared.
`layers.groups` makes layers choose together, and the search shorter.

The pattern with the best epoch wins, with the weights of its last epoch, as released. Nothing is
quoted: the tables of the paper were not available.

Measured here: brute_hps 35.1 %, brute_tf 37.2 %, brute_dfcnn 38.8 % on
experiments/lasem_cifar100_small.yaml with a quarter of the epochs (stl: 41.1 %).

Until the second task arrives, nobody knows which layers the first one shares, so that it keeps all
of its layers to itself; with the second task, its own layers become the shared ones.
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import torch

from lifelong.layers.deconvolution import DECONVOLUTION
from lifelong.layers.fixed import FixedPattern, moved_view, on_device
from lifelong.layers.forms import HARD, Form
from lifelong.layers.learner import LayerStart
from lifelong.layers.model import LayerModel, TaskView, Tensors
from lifelong.layers.network import own_filter, shapes_of, start_layer, view_of
from lifelong.layers.part import LayerCard
from lifelong.layers.tensor_factors import TENSOR_FACTORS
from lifelong.methods.base import LayerMethod
from lifelong.plan.patterns import OWN, SHARED, configurations


def tried(card: LayerCard) -> Sequence[str]:
    """The patterns to train of a task: all, but only its own layers for the first."""
    depth = card.stack.depth
    return [OWN * depth] if card.position == 1 else configurations(depth, card.options["groups"])


def pattern_now(cards: Sequence[LayerCard], position: int) -> str:
    """What a task shares now that all of `cards` are learned; `position` counts from 1."""
    return cards[1 if position == 1 and len(cards) > 1 else position - 1].pattern


class Imposed(FixedPattern):
    """A pattern, which is imposed on the first task too if this is the second."""

    def __init__(self, start: LayerStart, form: Form) -> None:
        super().__init__(start, form)
        if len(self.model.cards) == 1:
            self._convert(self.model.cards[0])
        self.train(lambda name: name.startswith(("shared.", self.card.own)))

    def _convert(self, first: LayerCard) -> None:
        """The first task's own layers become shared ones, its mapping such that it stays as it is.

        Of DF-CNN it may stay only nearly so: see `Deconvolution.from_filter`.
        """
        for shape, letter in zip(shapes_of(first), self.card.pattern, strict=True):
            if letter == SHARED:
                given = own_filter(self.model.tensors, first.own, shape.index)
                options, generator = self.options, self.start_generator
                shared, own = self.form.from_filter(shape, given, generator, options)
                self.take(start_layer(f"shared.{shape.index}", shared))
                self.take(start_layer(f"{first.own}map.{shape.index}", own))

    def commit(self, pattern: str) -> tuple[LayerCard, Tensors]:
        """With the second task, layers of the first that are shared now are its own no more."""
        card, tensors = super().commit(pattern)
        if len(self.model.cards) == 1:
            first = self.model.cards[0].own
            for layer, letter in enumerate(pattern):
                if letter == SHARED:  # the newest writer of a name counts: nothing is left of it
                    gone = {"weight": torch.zeros(0), "bias": torch.zeros(0)}
                    tensors |= start_layer(f"{first}own.{layer}", gone)
        return card, tensors

    def older(self, position: int) -> TaskView | None:
        pattern = pattern_now([*self.model.cards, self.card], position)
        return moved_view(self, self.form, position, pattern)


def imposed_view(form: Form, model: LayerModel, position: int, device: str) -> TaskView:
    """A learned task's network as the model is now, on the pattern it now has."""
    card = replace(model.cards[position - 1], pattern=pattern_now(model.cards, position))
    tensors = on_device(model.tensors, "shared.", device)
    tensors |= on_device(model.tensors, card.own, device)
    return view_of(form, tensors, card).keeping(tensors)


def _brute(form: Form) -> LayerMethod:
    return LayerMethod(partial(Imposed, form=form), partial(imposed_view, form), tries=tried)


BRUTE_HPS = _brute(HARD)
BRUTE_TF = _brute(TENSOR_FACTORS)
BRUTE_DFCNN = _brute(DECONVOLUTION)
