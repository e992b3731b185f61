"""A step of weights and scores where a task picks the largest scores.

As `Update`: one walk over pieces that fit a core's cache. Picks follow from all scores of a layer,
or of the network, so that they are found when the walk is over.
"""

from typing import Any

import torch
from torch import Tensor

from lifelong.masks.layers import flat
from lifelong.masks.ranked import RankedLayer, RankedLearner
from lifelong.optim.optimisers import Adam, Optimiser, Rate, gradient
from lifelong.train.update import CACHED, WHOLE


class RankedUpdate:
    """Steps free weights, of which those that are picked have a gradient, and all scores.

    Then it picks anew. A weight that is no longer picked moves on for some steps, by the moments
    that Adam or SGD has of it, as in WSN's program; where it ends is where a later task begins.
    `decay` is added to the gradients of the weights that are stepped.
    """

    def __init__(
        self, learner: RankedLearner, optimiser: Optimiser, adam: Adam | None, decay: float = 0.0
    ) -> None:
        self.learner, self.optimiser, self.adam, self.decay = learner, optimiser, adam, decay
        self.layers = list(learner.layers.values())
        self.size = CACHED if self.layers[0].weight.device.type == "cpu" else WHOLE

    def zero_grad(self) -> None:
        """Forget the gradients of the step before."""
        for layer in self.layers:
            layer.weight.grad = None

    def before_forward(self) -> None:
        """Picks that may be stale are those of the scores before the step."""
        if self.learner.ranking.stale and not self.learner.frozen:
            self.learner.rank()

    def state(self) -> dict[str, Tensor]:
        """The picks, where they do not follow from the scores."""
        if not self.learner.ranking.stale:
            return {}
        return {f"mask/{number}": layer.mask for number, layer in enumerate(self.layers)}

    @torch.no_grad()
    def step(self, rate: Rate, mask_rate: Rate) -> None:
        """Apply the gradients that lie in the weights; they are overwritten."""
        self.optimiser.begin()
        if self.adam is not None:
            self.adam.begin()
        learned = 0
        for number, layer in enumerate(self.layers):
            self._step(layer, number, learned if layer.learns else None, rate, mask_rate)
            learned += layer.learns
        if self.adam is None or self.learner.ranking.stale:
            self.learner.restore()
        else:
            self.learner.rank()

    def _step(
        self, layer: RankedLayer, number: int, learned: int | None, rate: Rate, mask_rate: Rate
    ) -> None:
        u = self._pieces(gradient(layer.weight))
        value, mask = self._pieces(layer.value), self._pieces(layer.mask)
        if self.adam is not None:
            score = self._pieces(layer.score)
            moments = [self._pieces(one[number]) for one in self.adam.buffers]
        if learned is not None:
            free = self._pieces(layer.free) if layer.older else None
            buffers = [self._pieces(one[learned]) for one in self.optimiser.buffers]
        for part, pull in enumerate(u):
            if self.adam is not None:
                push = pull * value[part]
                push.mul_(score[part].sign())
                at: list[Any] = [[one[part]] for one in moments]
                self.adam.update([score[part]], [push], at, mask_rate)
            if learned is not None:
                if self.decay:
                    pull.add_(value[part], alpha=self.decay)
                pull.mul_(mask[part])
                if free is not None:
                    pull.mul_(free[part])
                at = [[one[part]] for one in buffers]
                self.optimiser.update([value[part]], [pull], at, rate)

    def _pieces(self, tensor: Tensor) -> tuple[Tensor, ...]:
        return flat(tensor).split(self.size)
