"""DARTS-HPS and DARTS-DFCNN: which layers to share, found by gradient descent.

The search of Liu, Simonyan & Yang (DARTS, ICLR 2019) as LASEM (ICML 2021) compares itself with it:
every layer is a blend of a shared and an own one, weighted by a softmax; each batch steps these
weights first and the filters then; at the end each layer keeps its heavier kind, and what it would
have changed in shared layers it does not keep is rolled back. `darts.second_order` looks one step
of the filters ahead.

Unlike DARTS itself, both kinds of weights learn from the same training images, and the network is
measured, and kept, without being trained again once it has been decided. Nothing is quoted: the
tables of the paper were not available.

Measured here: darts_hps 34.1 %, darts_dfcnn 38.5 % on experiments/lasem_cifar100_small.yaml (stl:
41.1 %).

The weights of the blend, `alpha`, have one row per group of layers: (groups, 2), own first, shared
second. On networks with skips (cifar_resnet17) a skip is added to the blended maps, after the ReLU
of either kind and before the pool; the released models of DARTS have no skips at all.
"""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial

import torch
from torch import Tensor
from torch.nn import functional

from lifelong.layers.deconvolution import DECONVOLUTION
from lifelong.layers.fixed import chosen, moved_view, take_both_kinds
from lifelong.layers.forms import HARD, Form
from lifelong.layers.learner import Fact, LayerLearner, LayerStart
from lifelong.layers.model import TaskView, Tensors
from lifelong.layers.network import (
    filters_of,
    head_of,
    inside,
    own_filter,
    shared_filter,
    task_view,
)
from lifelong.layers.part import LayerCard
from lifelong.methods.base import LayerMethod
from lifelong.nets.conv_stack import Filter, convolve, dropout, features, head, joined, through
from lifelong.optim.rmsprop import RMSProp
from lifelong.plan.patterns import OWN, SHARED, configurations

_NUDGE = 0.01  # how far the filters move, all together, to see how the gradient of alpha changes


class Mixture(LayerLearner):
    """Both kinds of every layer, weighted by the softmax of alpha; DARTS over what to share."""

    def __init__(self, start: LayerStart, form: Form) -> None:
        super().__init__(start)
        self.form, depth = form, self.card.stack.depth
        self.groups = self.options["groups"] or [1] * depth
        take_both_kinds(self, form)
        alpha = torch.zeros(len(self.groups), 2)
        self.take({"alpha": alpha, "alpha.square": torch.ones_like(alpha)})
        self._steps_alpha = RMSProp([self.tensors["alpha"]])
        self._steps_alpha.squares = [self.tensors["alpha.square"]]  # resumed with the tensors
        self.train(lambda name: not name.startswith("alpha"))

    def before_step(self, x: Tensor, y: Tensor, generator: torch.Generator, rate: float) -> None:
        ones = torch.ones(len(y), self.card.stack.flat(x.shape[-1]), device=x.device)
        kept = dropout(ones, self.options["dropout"], generator)
        one = _AlphaGradient(self, x, y, kept)
        gradient = one.second_order(rate) if self.options["darts"]["second_order"] else one.first()
        self._steps_alpha.step([gradient], rate)

    def objective(self, x: Tensor, y: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        hidden = self.blended(x, self.tensors, self.tensors["alpha"])
        hidden = dropout(hidden, self.options["dropout"], generator)
        logits = head(hidden, head_of(self.tensors, self.card))
        loss = functional.cross_entropy(logits, y)
        for layer in range(self.card.stack.depth):
            shared = inside(self.tensors, f"shared.{layer}")
            own = inside(self.tensors, f"{self.card.own}map.{layer}")
            extra = self.form.penalty(shared, own, self.options)
            loss = loss if extra is None else loss + extra
        return loss, logits

    def blended(self, x: Tensor, tensors: Mapping[str, Tensor], alpha: Tensor) -> Tensor:
        """What enters the classes, all layers blended: (batch, flat)."""
        stack, own = self.card.stack, self.card.own
        weights = self._of_layers(torch.softmax(alpha, 1))

        def step(index: int, x: Tensor, skip: Tensor | None) -> Tensor:
            kinds = own_filter(tensors, own, index), shared_filter(self.form, tensors, own, index)
            return joined(_blend(x, *kinds, weights[index]), stack.pools[index], skip)

        return through(x, stack, step)

    def logits(self, x: Tensor) -> Tensor:
        filters = filters_of(self.form, self.tensors, self.card.own, self.decided())
        return head(features(x, self.card.stack, filters), head_of(self.tensors, self.card))

    def decided(self) -> str:
        """The pattern of the larger alphas; where both are equal a layer is the task's own."""
        alphas = self._of_layers(self.tensors["alpha"]).tolist()
        return "".join(SHARED if shared > own else OWN for own, shared in alphas)

    def patterns(self) -> dict[str, float]:
        """Products of the layers' weights; of equal ones that with more own layers comes first."""
        weights = torch.softmax(self.tensors["alpha"].double(), 1).tolist()
        size, products = self.card.stack.depth, {}
        for pattern in dict.fromkeys([self.decided(), *configurations(size, self.groups)[::-1]]):
            product, first = 1.0, 0
            for (own, shared), layers in zip(weights, self.groups, strict=True):
                product *= shared if pattern[first] == SHARED else own
                first += layers
            products[pattern] = product
        return products

    def epoch_facts(self) -> dict[Fact, float]:
        alphas = self._of_layers(self.tensors["alpha"]).tolist()
        return {
            Fact("alpha", layer, letter): value
            for layer, pair in enumerate(alphas)
            for letter, value in zip((OWN, SHARED), pair, strict=True)
        }

    def older(self, position: int) -> TaskView | None:
        return moved_view(self, self.form, position)

    def commit(self, pattern: str) -> tuple[LayerCard, Tensors]:
        """Shared tensors of layers that the task does not share are not written: rolled back."""
        return replace(self.card, pattern=pattern), chosen(self.tensors, self.card, pattern)

    def _of_layers(self, rows: Tensor) -> Tensor:
        """From one row per group to one row per layer."""
        return torch.cat([row.expand(n, -1) for row, n in zip(rows, self.groups, strict=True)])


def _blend(x: Tensor, own: Filter, shared: Filter, weights: Tensor) -> Tensor:
    """Both filters' maps after ReLU, weighted."""
    return convolve(x, own).relu_() * weights[0] + convolve(x, shared).relu_() * weights[1]


class _AlphaGradient:
    """The gradient of the loss of one batch with respect to alpha; `kept` is its dropout."""

    def __init__(self, learner: Mixture, x: Tensor, y: Tensor, kept: Tensor) -> None:
        self.learner, self.x, self.y, self.kept = learner, x, y, kept
        self.alpha = learner.tensors["alpha"].detach().clone().requires_grad_()

    def first(self) -> Tensor:
        """With the filters as they are."""
        return torch.autograd.grad(self._loss(self.learner.tensors), self.alpha)[0]

    def second_order(self, rate: float) -> Tensor:
        """With the filters as they would be after a step of gradient descent.

        How that step changes with alpha is a difference of two gradients (DARTS, equations 7, 8).
        """
        names = [name for name, tensor in self.learner.tensors.items() if tensor.requires_grad]
        here = [self.learner.tensors[name] for name in names]
        slopes = self._slopes(names, here, here)
        moved = [
            (w - rate * g).detach().requires_grad_() for w, g in zip(here, slopes, strict=True)
        ]
        gradient, *slopes = self._slopes(names, moved, [self.alpha, *moved])
        length = torch.stack([slope.square().sum() for slope in slopes]).sum().sqrt()
        size = _NUDGE / length.clamp_min(1e-12)
        beside = []
        for sign in (1, -1):
            nudged = [w + sign * size * g for w, g in zip(here, slopes, strict=True)]
            beside.append(self._slopes(names, [w.detach() for w in nudged], [self.alpha])[0])
        return gradient - rate * (beside[0] - beside[1]) / (2 * size)

    def _slopes(self, names: list[str], values: list[Tensor], of: list[Tensor]) -> list[Tensor]:
        tensors = {**self.learner.tensors, **dict(zip(names, values, strict=True))}
        return list(torch.autograd.grad(self._loss(tensors), of, materialize_grads=True))

    def _loss(self, tensors: Mapping[str, Tensor]) -> Tensor:
        learner = self.learner
        hidden = learner.blended(self.x, tensors, self.alpha) * self.kept
        return functional.cross_entropy(head(hidden, head_of(tensors, learner.card)), self.y)


def _darts(form: Form) -> LayerMethod:
    return LayerMethod(partial(Mixture, form=form), partial(task_view, form))


DARTS_HPS = _darts(HARD)
DARTS_DFCNN = _darts(DECONVOLUTION)
