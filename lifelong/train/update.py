"""A step of weights, scores and masks in one walk over memory.

The plain form is `Learner.before_step`, an optimiser step for all weights, one for all scores, and
`Learner.restore`: each a walk of its own over tensors of many megabytes. Here the same operations
in the same order follow each other on pieces small enough for a core's cache, so that most of them
never wait for memory. Every operation is elementwise: the bits are those of the plain form.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Protocol

import torch
from torch import Tensor

from lifelong.masks.layers import flat
from lifelong.masks.learner import Layer, Learner
from lifelong.masks.pick import picked
from lifelong.optim.optimisers import Adam, Optimiser, Rate, gradient

CACHED = 1 << 17  # entries of a piece on CPUs: eight arrays of half a megabyte
WHOLE = 1 << 62


@dataclass
class LayerChunk:
    """Parts of layers in one state, flat in the order of memory."""

    kind: str
    of: list[tuple[int, int]] = field(default_factory=list)  # layer, part of the layer
    weights: list[Tensor] = field(default_factory=list)
    buffers: list[list[Tensor]] = field(default_factory=list)  # of the weights' optimiser
    own: list[Tensor] = field(default_factory=list)
    old: list[Tensor] = field(default_factory=list)  # picked weights where picks are frozen
    scores: list[Tensor] = field(default_factory=list)
    moments: list[list[Tensor]] = field(default_factory=list)  # of the scores' optimiser


class SharedUpdate(Protocol):
    """Steps the weights that tasks share, and the scores by which a task picks among them.

    `adam` is of the scores, None where none are trained or no longer.
    """

    optimiser: Optimiser
    adam: Adam | None

    def zero_grad(self) -> None:
        """Forget the gradients of the step before."""

    def before_forward(self) -> None:
        """What has to be done before the network sees a batch."""

    def state(self) -> dict[str, Tensor]:
        """What it remembers beside the optimisers and the learner."""

    def step(self, rate: Rate, mask_rate: Rate) -> None:
        """Apply the gradients that lie in the weights; they are overwritten."""


class Update:
    """Steps the weights and scores of a learner, then restores what must not move."""

    entries: int | None = None  # at most so many in a piece; None: what suits the device

    def __init__(self, learner: Learner, optimiser: Optimiser, adam: Adam | None) -> None:
        self.learner, self.optimiser, self.adam = learner, optimiser, adam
        self.layers = list(learner.layers.values())
        on_cpu = self.layers[0].weight.device.type == "cpu"
        # GPUs want few launches with all layers in each.
        self.size = self.entries or (CACHED if on_cpu else WHOLE)
        self.cut_at = -1
        self.pieces: list[LayerChunk] = []

    def zero_grad(self) -> None:
        """Forget the gradients of the step before."""
        for layer in self.layers:
            layer.weight.grad = None

    def before_forward(self) -> None:
        """What has to be done before the network sees a batch."""

    def state(self) -> dict[str, Tensor]:
        """What it remembers beside the optimisers and the learner."""
        return {}

    @torch.no_grad()
    def step(self, rate: Rate, mask_rate: Rate) -> None:
        """Apply the gradients that lie in the weights; they are overwritten."""
        if self.cut_at != self.learner.version:
            self.cut_at, self.pieces = self.learner.version, list(self._cut())
        gradients = [flat(gradient(layer.weight)).split(self.size) for layer in self.layers]
        self.optimiser.begin()
        if self.adam is not None:
            self.adam.begin()
        for piece in self.pieces:
            here = [gradients[layer][part] for layer, part in piece.of]
            self.apply(piece, here, rate, mask_rate)

    def apply(
        self, piece: LayerChunk, gradients: list[Tensor], rate: Rate, mask_rate: Rate
    ) -> None:
        """Step one piece."""
        self.optimiser.update(piece.weights, gradients, piece.buffers, rate)
        if piece.kind == "live":
            self._live(piece, gradients, mask_rate)
        elif piece.kind == "frozen":
            for weight, own, fixed in zip(piece.weights, piece.own, piece.old, strict=True):
                torch.addcmul(fixed, weight, own, out=weight)
        elif piece.kind == "released":
            torch._foreach_mul_(piece.weights, piece.own)

    def _live(self, piece: LayerChunk, gradients: list[Tensor], rate: Rate) -> None:
        assert self.adam is not None
        torch._foreach_mul_(gradients, piece.old)  # now they are the gradients of the scores
        self.adam.update(piece.scores, gradients, piece.moments, rate)
        for score, picks in zip(piece.scores, gradients, strict=True):
            picked(score, out=picks)  # and now they are the picks, as 0 and 1
        torch._foreach_mul_(piece.weights, piece.own)
        torch._foreach_addcmul_(piece.weights, piece.old, gradients)

    def _cut(self) -> Iterator[LayerChunk]:
        """All layers in pieces, neighbours of one kind together while they are small."""
        piece, room = self._piece(""), 0
        scored = 0
        for index, layer in enumerate(self.layers):
            kind, arrays = self._arrays(index, layer, scored)
            scored += layer.score is not None
            parts = {name: flat(array).split(self.size) for name, array in arrays.items()}
            for part, weight in enumerate(parts["weights"]):
                if kind != piece.kind or weight.numel() > room:
                    if piece.of:
                        yield piece
                    piece, room = self._piece(kind), self.size
                room -= weight.numel()
                piece.of.append((index, part))
                for name, some in parts.items():
                    field, _, number = name.partition("/")
                    lists = getattr(piece, field)
                    (lists[int(number)] if number else lists).append(some[part])
        yield piece

    def _piece(self, kind: str) -> LayerChunk:
        buffers: list[list[Tensor]] = [[] for _ in self.optimiser.buffers]
        return LayerChunk(kind, buffers=buffers, moments=[[], []])

    def _arrays(self, index: int, layer: Layer, scored: int) -> tuple[str, dict[str, Tensor]]:
        """What a layer's step reads and writes, and of which kind it is.

        Names are those of the fields of a `LayerChunk`; "buffers/1" is the second of a list.
        """
        arrays = {"weights": layer.weight}
        buffers = self.optimiser.buffers
        arrays |= {f"buffers/{number}": one[index] for number, one in enumerate(buffers)}
        if layer.whole:
            return "whole", arrays
        arrays["own"] = layer.own
        if layer.old is None:
            return "released", arrays
        if layer.fixed is not None:
            return "frozen", arrays | {"old": layer.fixed}
        assert layer.score is not None and self.adam is not None
        moments = {f"moments/{n}": one[scored] for n, one in enumerate(self.adam.buffers)}
        return "live", arrays | {"old": layer.old, "scores": layer.score} | moments
