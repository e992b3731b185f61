"""What training minimises: one loss per task, from the configuration.

A loss gets what the network found while training, the labels, and the number of the step on the
device (from 1), and gives a scalar. What a linear head finds are logits; an angular one gives
logits |x| cos and, beside them, |x|.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor
from torch.nn import functional

from lifelong.plan.code import load
from lifelong.plan.errors import ConfigError
from lifelong.plan.losses import LOSSES


class Loss(Protocol):
    """A loss; `counts_steps` where it needs to know how far training is."""

    @property
    def counts_steps(self) -> bool: ...

    def __call__(self, found: Tensor, labels: Tensor, step: Tensor | None) -> Tensor: ...


def logits_of(found: Tensor) -> Tensor:
    """The logits, (batch, classes), in what a head of any kind found."""
    return found if found.ndim == 2 else found[0]


@dataclass(frozen=True)
class CrossEntropy:
    """Mean cross entropy; with `weights`, one per class, divided by those of the labels shown."""

    weights: Tensor | None = None
    counts_steps = False

    def __call__(self, found: Tensor, labels: Tensor, step: Tensor | None) -> Tensor:
        return functional.cross_entropy(logits_of(found), labels, self.weights)


@dataclass(frozen=True)
class ASoftmax:
    """A-Softmax of SphereFace (Liu et al. 2017): the label's angle counts `margin` times.

    The label's logit is |x| (cos + (psi - cos) / (1 + lambda)) with psi(angle) = (-1)^k
    cos(margin angle) - 2k and k = floor(margin angle / pi); lambda = max(lowest, start / (1 +
    decay step)), so that training begins almost as a softmax.
    """

    margin: int = 4
    start: float = 1500.0
    decay: float = 0.1
    lowest: float = 5.0
    counts_steps = True

    def __call__(self, found: Tensor, labels: Tensor, step: Tensor | None) -> Tensor:
        if found.ndim != 3:
            raise ConfigError("the loss a_softmax needs head: angular")
        assert step is not None
        logits, norms = found.unbind()
        # Over all classes and then masked: on GPUs a gather adds up its gradients in any order.
        mine = torch.arange(logits.shape[1], device=labels.device) == labels[:, None]
        cosine = (logits / norms.clamp_min(1e-12)).clamp(-1.0, 1.0)
        pull = norms * (psi(cosine, self.margin) - cosine) / (1 + self.blend(step))
        return functional.cross_entropy(logits + mine * pull, labels)

    def blend(self, step: Tensor) -> Tensor:
        """Lambda of a step, counted from 1."""
        return (self.start / (1 + self.decay * step)).clamp_min(self.lowest)


def psi(cosine: Tensor, margin: int) -> Tensor:
    """The falling function of the angle that equals cos(margin angle) at first: from 1 down."""
    with torch.no_grad():
        k = torch.floor(margin * cosine.acos() / math.pi)
        sign = 1 - 2 * (k % 2)
    return sign * _multiple(cosine, margin) - 2 * k


def _multiple(cosine: Tensor, margin: int) -> Tensor:
    """cos(margin angle) of cos(angle), by Chebyshev's recurrence: no gradient is infinite."""
    before, now = torch.ones_like(cosine), cosine
    for _ in range(margin - 1):
        before, now = now, 2 * cosine * now - before
    return now


@dataclass(frozen=True)
class Expectation:
    """Cross entropy and the mean absolute error of the expected value, such as an age in years.

    `values` are those of the classes; PAE adds the two for ages 1 to 100.
    """

    values: Tensor
    share: float = 1.0  # of the absolute error
    counts_steps = False

    def __call__(self, found: Tensor, labels: Tensor, step: Tensor | None) -> Tensor:
        logits = logits_of(found)
        expected = (logits.softmax(1) * self.values).sum(1)  # a matmul could be in bfloat16
        error = (expected - self.values[labels]).abs().mean()
        return functional.cross_entropy(logits, labels) + self.share * error


def class_weights(counts: Sequence[int]) -> list[float]:
    """(all - own) / own for the images of each class, as CPG weighs expressions."""
    total = sum(counts)
    return [(total - count) / count for count in counts]


def loss_of(given: Mapping[str, Any], classes: int, device: str = "cpu") -> Loss:
    """The loss of a task: {kind: ..., and its settings}, by the table of losses.

    Raises ConfigError for a loss or a setting that there is not, or not one number per class.
    """
    settings = {name: value for name, value in given.items() if name != "kind"}
    kind = given.get("kind", "cross_entropy")
    if kind not in LOSSES:
        raise ConfigError(f"config key loss.kind: {kind!r} is none of {', '.join(LOSSES)}")
    if unknown := sorted(set(settings) - LOSSES[kind].settings):
        raise ConfigError(f"config key loss.{unknown[0]}: the loss {kind} has no such setting")
    loss: Loss = load(LOSSES[kind].code)(settings, classes, device)
    return loss


def cross_entropy(settings: Mapping[str, Any], classes: int, device: str) -> Loss:
    """Mean cross entropy."""
    return CrossEntropy()


def weighted(settings: Mapping[str, Any], classes: int, device: str) -> Loss:
    """Rare classes count more; `counts` are the images of each class."""
    counts = _per_class(settings, "counts", classes)
    if min(counts) < 1:
        raise ConfigError("config key loss.counts: every class needs an image at least")
    return CrossEntropy(torch.tensor(class_weights(counts), device=device))


def a_softmax(settings: Mapping[str, Any], classes: int, device: str) -> Loss:
    """For angular heads, with `margin`, `start`, `decay` and `lowest`."""
    return ASoftmax(**settings)


def expectation(settings: Mapping[str, Any], classes: int, device: str) -> Loss:
    """`values` are what the classes stand for, `share` is the weight of the absolute error."""
    values = torch.tensor(_per_class(settings, "values", classes), device=device)
    return Expectation(values.float(), settings.get("share", 1.0))


def _per_class(settings: Mapping[str, Any], name: str, classes: int) -> list[Any]:
    values = list(settings.get(name, ()))
    if len(values) != classes:
        raise ConfigError(
            f"config key loss.{name}: give one number per class, {classes} in all, "
            f"not {len(values)}"
        )
    return values
