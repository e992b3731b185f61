"""LASEM: a task finds out by expectation-maximisation which layers it shares.

Lee, Behpour & Eaton, Sharing Less is More: Lifelong Learning in Deep Networks with Selective Layer
Transfer, ICML 2021. Every task learns all configurations of shared and own layers at once, on the
same tensors: how well each one tells the true classes of a batch makes its posterior (E), which
weighs its loss (M). The most probable one is kept; shared layers it does without are rolled back,
those it uses move for all tasks. `layers.groups` lets layers choose together (LASEM-G).

Three ways to share: HPS, TF and DF-CNN. As released, the probability of a configuration is the
mean over a batch of training images of what it gives the true class, so that fast fitting counts
and not generalisation; `lasem.likelihood: log` takes the product instead, and
`lasem.likelihood_images: validation` asks images that are held out. `lasem.search: 0.25` settles on
a pattern after a quarter of the epochs, and the rest are a single network's; `lasem.first: share`
shares all layers of the first task, when both kinds of a layer are still alike, without a search.
Nothing is quoted: the tables of the paper were not available.

Measured here: lasem_hps 38.8 %, lasem_tf 36.8 %, lasem_dfcnn 43.7 % on
experiments/lasem_cifar100_small.yaml (stl: 41.1 %); forgetting lasem_hps 2.2 points.
On the three draws of experiments/lasem_search_small.yaml: lasem_hps 39.2 %, with `first: share` and
`search: 0.25` 40.8 % in 0.3 of the time (stl: 42.5 %).

The posterior of each batch weighs the losses of the configurations; its running mean over the task
is the prior of the next batch, and decides in the end, or after a share of the task, which layers
are shared.
"""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from lifelong.layers.deconvolution import DECONVOLUTION
from lifelong.layers.fixed import FixedPattern, chosen, moved_view, take_both_kinds
from lifelong.layers.forms import HARD, Form
from lifelong.layers.learner import Fact, LayerLearner, LayerStart, TrainingPart
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
from lifelong.layers.tensor_factors import TENSOR_FACTORS
from lifelong.layers.tree import all_features
from lifelong.methods.base import LayerMethod
from lifelong.nets.conv_stack import dropout, features, head
from lifelong.plan.patterns import SHARED, configurations, named

_SQUARE = "square."  # RMSProp's mean squares of the tensor of that name
_SETTLED = "settled"  # a fact: [pattern, how probable it was] of each when one was taken


def learner(start: LayerStart, form: Form) -> LayerLearner:
    """Who learns the task, by what its card says has been settled."""
    card = start.card
    if _SETTLED in card.facts:
        return Settled(start, form)
    if card.position == 1 and card.options["lasem"]["first"] == "share":
        shared = replace(card, pattern=SHARED * card.stack.depth)
        return FixedPattern(replace(start, card=shared), form)
    return LasemLearner(start, form)


class LasemLearner(LayerLearner):
    """Expectation and maximisation over configurations, both on one pass through all of them."""

    def __init__(self, start: LayerStart, form: Form) -> None:
        super().__init__(start)
        self.start, self.form = start, form
        self.search = self.options["lasem"]["search"]
        self.part = TrainingPart("search", self.search) if self.search < 1 else TrainingPart()
        take_both_kinds(self, form)
        self.train(lambda name: True)
        depth, network = self.card.stack.depth, self.card.network
        self.names = configurations(depth, self.options["groups"])
        letters = [[letter == SHARED for letter in name] for name in self.names]
        self.shares = torch.tensor(letters, dtype=torch.float32, device=self.device)
        fixed = str(self.options["lasem"]["fixed_posterior"]["pattern"])
        place = self.names.index(named(fixed, depth, network)) if fixed else None
        self.posterior = Posterior(self.options["lasem"], len(self.names), place, self.device)
        self.held_out: tuple[Tensor, Tensor] | None = None
        if self.options["lasem"]["likelihood_images"] == "validation":
            if start.held_out is None:
                raise ValueError("likelihood_images: validation needs images that are held out")
            self.held_out = start.held_out()

    def objective(self, x: Tensor, y: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        hidden, layers = self._features(x), head_of(self.tensors, self.card)
        with torch.no_grad():
            prior = self.posterior.prior()
            plain = head(hidden.detach().flatten(0, 1), layers).view(*hidden.shape[:2], -1)
            q = self.posterior.of_batch(prior, *self._judged(plain, y, generator))
            self.posterior.add(q)
        dropped = dropout(hidden, self.options["dropout"], generator).flatten(0, 1)
        losses = functional.cross_entropy(
            head(dropped, layers), y.repeat(len(self.names)), reduction="none"
        )
        weights = q.to(losses.dtype)
        loss = weights @ losses.view(len(self.names), -1).mean(1)
        return loss + self._penalty(weights), plain.index_select(0, prior.argmax(0, True))[0]

    def _judged(
        self, plain: Tensor, y: Tensor, generator: torch.Generator
    ) -> tuple[Tensor, Tensor]:
        """The logits and labels that make a configuration probable: the step's, or held out ones'.

        Fitting the step's images tells configurations apart by how fast they learn; images that
        nobody learns from, by how they generalise.
        """
        if self.held_out is None:
            return plain, y
        x, labels = self.held_out
        rows = torch.randperm(len(labels), generator=generator, device=x.device)[: len(y)]
        hidden = self._features(x[rows])
        layers = head_of(self.tensors, self.card)
        return head(hidden.flatten(0, 1), layers).view(*hidden.shape[:2], -1), labels[rows]

    def _features(self, x: Tensor) -> Tensor:
        own, layers = self.card.own, range(self.card.stack.depth)
        shared = [shared_filter(self.form, self.tensors, own, layer) for layer in layers]
        owned = [own_filter(self.tensors, own, layer) for layer in layers]
        return all_features(x, self.card.stack, shared, owned, self.options["groups"])

    def _penalty(self, weights: Tensor) -> Tensor | float:
        """What the shared kind of each layer costs, times the probability that it is shared."""
        probable, penalties = weights @ self.shares, []
        for layer in range(self.card.stack.depth):
            shared = inside(self.tensors, f"shared.{layer}")
            own = inside(self.tensors, f"{self.card.own}map.{layer}")
            extra = self.form.penalty(shared, own, self.options)
            if extra is not None:
                penalties.append(probable[layer] * extra)
        return torch.stack(penalties).sum() if penalties else 0.0

    def logits(self, x: Tensor) -> Tensor:
        pattern = self.names[int(self.posterior.prior().argmax())]
        filters = filters_of(self.form, self.tensors, self.card.own, pattern)
        return head(features(x, self.card.stack, filters), head_of(self.tensors, self.card))

    def patterns(self) -> dict[str, float]:
        """How probable each configuration is; the first of the best is also what is measured."""
        return dict(zip(self.names, self.posterior.prior().tolist(), strict=True))

    def epoch_facts(self) -> dict[Fact, float]:
        """The prior after the epoch, and the mean of its posteriors."""
        posteriors = {
            "posterior": self.posterior.prior(),
            "posterior_epoch": self.posterior.epoch(),
        }
        return {
            Fact(metric, pattern=name): value
            for metric, values in posteriors.items()
            for name, value in zip(self.names, values.tolist(), strict=True)
        }

    def following(self, last: Mapping[Fact, float]) -> "Settled | None":
        """After a share of the epochs the most probable pattern, on the tensors as they are."""
        if self.search == 1:
            return None
        probable = [[pattern, chance] for pattern, chance in self.patterns().items()]
        card = replace(self.card, facts={**self.card.facts, _SETTLED: probable})
        after = Settled(replace(self.start, card=card), self.form)
        after.take_over(
            chosen(self.tensors, self.card, after.card.pattern),
            chosen(self.squares, self.card, after.card.pattern),
        )
        return after

    def older(self, position: int) -> TaskView | None:
        """On the shared tensors of all layers as they are now, though some will be rolled back."""
        return moved_view(self, self.form, position)

    def commit(self, pattern: str) -> tuple[LayerCard, Tensors]:
        """Shared tensors of layers that the task does not share are not written: rolled back."""
        return replace(self.card, pattern=pattern), chosen(self.tensors, self.card, pattern)

    def state(self) -> Tensors:
        return self.tensors | self.posterior.state()


class Settled(FixedPattern):
    """The most probable pattern, which learns alone for the rest of the task's epochs.

    Not in the paper: a step is a single network's, and the weights that are kept are no longer
    trained for the patterns that are not.
    """

    def __init__(self, start: LayerStart, form: Form) -> None:
        self.probable: dict[str, float] = dict(start.card.facts[_SETTLED])
        best = max(self.probable, key=lambda pattern: self.probable[pattern])  # the first of them
        super().__init__(replace(start, card=replace(start.card, pattern=best)), form)
        self.part = TrainingPart("alone", rest=True)
        # The search's mean squares: fresh ones would leave about six epochs idle.
        self.carried = {name: torch.ones_like(tensor) for name, tensor in self.trained().items()}

    def take_over(self, tensors: Tensors, squares: Tensors) -> None:
        """Go on from what the search had learned."""
        self.load_state(tensors | {f"{_SQUARE}{name}": one for name, one in squares.items()})

    def state(self) -> Tensors:
        return self.tensors | {f"{_SQUARE}{name}": one for name, one in self.carried.items()}

    def patterns(self) -> dict[str, float]:
        """How probable each was when this one was taken."""
        return self.probable

    def commit(self, pattern: str) -> tuple[LayerCard, Tensors]:
        """What was probable stays with the candidate."""
        card, tensors = super().commit(pattern)
        return replace(card, facts={}), tensors


class Posterior:
    """How probable each configuration is, in float64 on the device, without waiting for it.

    `likelihood`: of a batch, the "mean" over its images of what the true class is given, or by
    "log" the product over them. `prior`: the "mean" of all posteriors so far, uniform before the
    first; or "counts" of how often each configuration was the most probable, from `prior_start`.
    With a `fixed` place nothing is inferred: that configuration has its share, the others the rest.
    """

    def __init__(
        self, options: Mapping[str, Any], count: int, fixed: int | None, device: str
    ) -> None:
        self._log, self._counts = options["likelihood"] == "log", options["prior"] == "counts"
        start = options["prior_start"] if self._counts else 0.0
        zeros = torch.zeros(count, dtype=torch.float64, device=device)
        self._places = torch.arange(count, device=device)
        self._uniform = zeros + 1 / count
        self._sums, self._epoch = zeros + start, zeros.clone()
        self._fixed: Tensor | None = None
        if fixed is not None:
            share = options["fixed_posterior"]["share"]
            rest = zeros + (1 - share) / (count - 1)
            self._fixed = torch.where(self._places == fixed, share, rest)

    def prior(self) -> Tensor:
        """(configurations,), sums to one."""
        if self._fixed is not None:
            return self._fixed
        total = self._sums.sum()
        return torch.where(total > 0, self._sums / total.clamp_min(1e-300), self._uniform)

    def of_batch(self, prior: Tensor, logits: Tensor, y: Tensor) -> Tensor:
        """The posterior from logits (configurations, batch, classes) without dropout."""
        if self._fixed is not None:
            return self._fixed
        log_probs = torch.log_softmax(logits.double(), -1)
        log_probs = log_probs.gather(-1, y.expand(len(log_probs), -1)[..., None])[..., 0]
        log_probs = log_probs.sum(1) if self._log else torch.logsumexp(log_probs, 1)
        return torch.softmax(prior.log() + log_probs, 0)

    def add(self, q: Tensor) -> None:
        """Count a batch."""
        self._epoch += q
        self._sums += self._places == q.argmax() if self._counts else q

    def epoch(self) -> Tensor:
        """The mean posterior of the batches since this was last asked."""
        mean = self._epoch / self._epoch.sum()
        self._epoch.zero_()
        return mean

    def state(self) -> Tensors:
        """What training changes; the tensors themselves."""
        return {"posterior.sums": self._sums, "posterior.epoch": self._epoch}


def _lasem(form: Form) -> LayerMethod:
    return LayerMethod(partial(learner, form=form), partial(task_view, form))


LASEM_HPS = _lasem(HARD)
LASEM_TF = _lasem(TENSOR_FACTORS)
LASEM_DFCNN = _lasem(DECONVOLUTION)
