"""The update as one kernel per layer, made by torch's compiler (`recipe.update: compiled`).

Masks are blended in by multiplication: on CPUs a branch on random 0/1 masks costs several times
the arithmetic. The kernel rounds in another order than torch's fused optimisers, so its results
differ from the eager form's in the last bits; the two are never mixed, because the setting is part
of a stage's spec.
"""

import shutil
from collections.abc import Callable
from functools import cache

import torch
from torch import Tensor

from lifelong.masks.pick import picked
from lifelong.optim.optimisers import SGD, Adam, Rate
from lifelong.plan.errors import ConfigError
from lifelong.train.update import LayerChunk, Update

BETA1, BETA2 = Adam.BETAS


class CompiledUpdate(Update):
    """As `Update`; pieces are whole layers."""

    entries = 1 << 62

    def apply(
        self, piece: LayerChunk, gradients: list[Tensor], rate: Rate, mask_rate: Rate
    ) -> None:
        # Plain SGD is one kernel already, and Adam of the weights has none here.
        if piece.kind == "whole" or not isinstance(self.optimiser, SGD) or not piece.buffers:
            super().apply(piece, gradients, rate, mask_rate)
            return
        device = piece.weights[0].device
        rates = [torch.as_tensor(r, dtype=torch.float32, device=device) for r in (rate, mask_rate)]
        settings = (self.optimiser.decay, self.optimiser.momentum)
        moments = corrections(self.adam) if piece.kind == "live" and self.adam else ()
        for index, gradient in enumerate(gradients):
            parts = (piece.weights[index], gradient, piece.buffers[0][index], piece.own[index])
            if piece.kind == "live":
                picks = (piece.scores[index], *(one[index] for one in piece.moments))
                kernel("live")(*parts, piece.old[index], *picks, *rates, *moments, *settings)
            elif piece.kind == "frozen":
                kernel("frozen")(*parts, piece.old[index], rates[0], *settings)
            else:
                kernel("released")(*parts, rates[0], *settings)


def corrections(adam: Adam) -> tuple[Tensor, Tensor]:
    """Adam's bias corrections 1 - beta1^t and sqrt(1 - beta2^t), tensors without dimensions."""
    return 1 - BETA1**adam.steps, (1 - BETA2**adam.steps).sqrt()


def _sgd(
    weight: Tensor, gradient: Tensor, momentum: Tensor, rate: Tensor, decay: float, mu: float
) -> Tensor:
    """The weight after Nesterov's step; its momentum is stored."""
    gradient = gradient + decay * weight
    stepped = mu * momentum + gradient
    momentum.copy_(stepped)
    return weight - rate * (gradient + mu * stepped)


def released(
    weight: Tensor, gradient: Tensor, momentum: Tensor, own: Tensor, rate: Tensor,
    decay: float, mu: float,
) -> None:  # fmt: skip
    """No older task has a weight here: own entries step, released ones stay zero."""
    weight.copy_(_sgd(weight, gradient, momentum, rate, decay, mu) * own)


def frozen(
    weight: Tensor, gradient: Tensor, momentum: Tensor, own: Tensor, fixed: Tensor, rate: Tensor,
    decay: float, mu: float,
) -> None:  # fmt: skip
    """Own entries step; picked entries of older tasks are `fixed`, zero elsewhere."""
    weight.copy_(_sgd(weight, gradient, momentum, rate, decay, mu) * own + fixed)


def live(
    weight: Tensor, gradient: Tensor, momentum: Tensor, own: Tensor, old: Tensor,
    score: Tensor, mean: Tensor, square: Tensor, rate: Tensor, mask_rate: Tensor,
    correction1: Tensor, correction2: Tensor, decay: float, mu: float,
) -> None:  # fmt: skip
    """Own entries step, scores step by Adam, and old weights are picked by the new scores."""
    pull = gradient * old
    mean.mul_(BETA1).add_(pull * (1 - BETA1))
    square.mul_(BETA2).add_(pull * pull * (1 - BETA2))
    score.sub_(mask_rate / correction1 * mean / (square.sqrt() / correction2 + Adam.EPS))
    picks = picked(score).to(weight.dtype)
    weight.copy_(_sgd(weight, gradient, momentum, rate, decay, mu) * own + old * picks)


@cache
def kernel(name: str) -> Callable[..., None]:
    """A compiled form; raises ConfigError where there is no compiler for it."""
    if not torch.cuda.is_available() and not any(map(shutil.which, ("g++", "clang++"))):
        raise ConfigError(
            "config key recipe.update: compiled needs a C++ compiler: install g++, or set eager"
        )
    # One dimension and dynamic: layers of all shapes share one kernel.
    forms: dict[str, Callable[..., None]] = {"live": live, "frozen": frozen, "released": released}
    return torch.compile(forms[name], dynamic=True)
