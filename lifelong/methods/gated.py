"""Conditional channel gating (Abati et al., CVPR 2020): each image passes only some filters.

Each task has a small gate in front of every layer that opens or shuts its filters image by image,
and is charged for those it opens. What it uses is frozen when it has been learned, the rest drawn
afresh; so later tasks build on its filters and never touch them. Norms are a task's own.

`gated` is this. `gated_repo` is what the program of LASEM (ICML 2021) has under the name: shared
layers without protection, weighed by the softmax of large gates, and a charge without effect.
Nothing is quoted: the paper has other networks and protocols, the tables of LASEM were not
available.

Measured here: gated 33.7 %, gated_repo 15.3 % on experiments/lasem_cifar100_small.yaml (stl: 41.1
%).

In tensors, of `gated`: `t003.filter.{layer}` are the filters that the third task froze, in order of
their numbers; `t003.used.{layer}` says which filters it uses, including those that were frozen
before it: uint8 (filters,); `t003.norm.{layer}`, `t003.gate.{layer}` and `t003.head.{i}` are its
own. A filter that no task uses is free. Of `gated_repo`: `t003.gate.{layer}` is a network with one
hidden layer that sees everything that enters the layer; its softmax over the filters weighs what
the layer gives, after its pool.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

import torch
from torch import Tensor
from torch.nn import functional

from lifelong.layers.fixed import on_device, shared_layer
from lifelong.layers.forms import HARD, LayerShape
from lifelong.layers.learner import Fact, LayerLearner, LayerStart
from lifelong.layers.model import LayerModel, TaskView, Tensors, part_of
from lifelong.layers.network import (
    head_of,
    inside,
    shapes_of,
    shared_filter,
    start_head,
    start_layer,
)
from lifelong.layers.part import LayerCard, own_prefix
from lifelong.methods.base import LayerMethod
from lifelong.nets.conv_stack import Filter, dropout, head, joined, layer, start_plain, through

Gate = Callable[[int, Tensor], Tensor]  # (layer, what enters it) to (batch, filters) of 0 and 1
_HIDDEN = 16
_TEMPERATURE = 2 / 3
_MOMENTUM = 0.1  # of the norms' running statistics


class ChannelGates(LayerLearner):
    """A task on the frozen filters of those before it and on free ones, drawn afresh."""

    def __init__(self, start: LayerStart) -> None:
        super().__init__(start)
        self.shapes, own = shapes_of(self.card), self.card.own
        self._frozen: list[Tensor] = []
        self._free: list[Tensor] = []
        for shape in self.shapes:
            older, taken = assembled(self.model.tensors, shape, self.card.position - 1)
            free = (~taken).nonzero().flatten()
            self._frozen.append(older.to(self.device))
            self._free.append(free.to(self.device))
            fresh = start_plain(shape.filter, self.start_generator)[0][free]
            self.take({f"free.{shape.index}": fresh})
            self.take(start_layer(f"{own}norm.{shape.index}", _start_norm(shape.outputs)))
            self.take(start_layer(f"{own}gate.{shape.index}", self._start_gate(shape)))
            self.take({f"rate.{shape.index}": torch.ones(shape.outputs)})
        self.take(start_head(self.card, own, self.start_generator))
        self.take({"opened": torch.zeros(len(self.shapes))})
        self.take({name: torch.zeros((), dtype=torch.int64) for name in ("batches", "epochs")})
        self.train(
            lambda name: name.startswith(("free.", own)) and not name.endswith((".mean", ".var"))
        )

    def _start_gate(self, shape: LayerShape) -> Tensors:
        first = start_plain((_HIDDEN, shape.inputs), self.start_generator)
        last = start_plain((shape.outputs, _HIDDEN), self.start_generator)
        tensors = {"in.weight": first[0], "in.bias": first[1]}
        tensors |= {f"norm.{name}": tensor for name, tensor in _start_norm(_HIDDEN).items()}
        return tensors | {"out.weight": last[0], "out.bias": last[1]}

    def objective(self, x: Tensor, y: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        settings, rates = self.options["gated"], {}

        def sampled(layer: int, x: Tensor) -> Tensor:
            gates = _straight_through(self._scores(layer, x, True), generator)
            rates[layer] = gates.mean()
            return gates

        hidden = dropout(self._features(x, sampled, True), self.options["dropout"], generator)
        logits = head(hidden, head_of(self.tensors, self.card))
        opened = torch.stack([rates[layer] for layer in sorted(rates)])
        with torch.no_grad():
            self.tensors["opened"] += opened
            self.tensors["batches"] += 1
        weight = (self.tensors["epochs"] >= settings["delay"]) * settings["sparsity"]
        return functional.cross_entropy(logits, y) + weight * opened.mean(), logits

    def logits(self, x: Tensor) -> Tensor:
        used = self._used()
        hidden = self._features(x, lambda layer, x: self._open(layer, x) * used[layer], False)
        return head(hidden, head_of(self.tensors, self.card))

    def epoch_facts(self) -> dict[Fact, float]:
        """The share of gates that were open; counts the epochs, for sparsity begins later."""
        shares = (self.tensors["opened"] / self.tensors["batches"].clamp_min(1)).tolist()
        self.tensors["opened"].zero_()
        self.tensors["batches"].zero_()
        self.tensors["epochs"] += 1
        return {Fact("gate_rate", place): share for place, share in enumerate(shares)}

    @torch.no_grad()
    def finish(self, batches: Iterable[Tensor]) -> None:
        """Measure on how many images each gate opens."""
        sums = [torch.zeros_like(self.tensors[f"rate.{shape.index}"]) for shape in self.shapes]
        count = 0

        def counted(layer: int, x: Tensor) -> Tensor:
            gates = self._open(layer, x)
            sums[layer] += gates.sum(0)
            return gates

        for x in batches:
            self._features(x, counted, False)
            count += len(x)
        for index, total in enumerate(sums):
            self.tensors[f"rate.{index}"].copy_(total / count)

    def commit(self, pattern: str) -> tuple[LayerCard, Tensors]:
        """What is still free is not written."""
        own, tensors = self.card.own, self.tensors
        state = part_of(tensors, own)
        for index, used in enumerate(self._used()):
            taken = used[self._free[index]]
            state[f"{own}filter.{index}"] = tensors[f"free.{index}"][taken]
            state[f"{own}used.{index}"] = used.to(torch.uint8)
        return replace(self.card, pattern=pattern), state

    def _used(self) -> list[Tensor]:
        """Which filters open often enough; all of them until that has been measured."""
        least = self.options["gated"]["least_rate"]
        return [self.tensors[f"rate.{shape.index}"] > least for shape in self.shapes]

    def _scores(self, layer: int, x: Tensor, training: bool) -> Tensor:
        return _gate(x, inside(self.tensors, f"{self.card.own}gate.{layer}"), training)

    def _open(self, layer: int, x: Tensor) -> Tensor:
        return (self._scores(layer, x, False) > 0).to(x.dtype)

    def _features(self, x: Tensor, gate: Gate, training: bool) -> Tensor:
        filters = [
            older.index_copy(0, free, self.tensors[f"free.{layer}"])
            for layer, (older, free) in enumerate(zip(self._frozen, self._free, strict=True))
        ]
        return _features(x, self.card, self.tensors, filters, gate, training)


def assembled(
    tensors: Mapping[str, Tensor], shape: LayerShape, position: int
) -> tuple[Tensor, Tensor]:
    """A layer's filters frozen up to a position, the others zero, and which they are: bool."""
    weight = torch.zeros(shape.filter)
    taken = torch.zeros(shape.outputs, dtype=torch.bool)
    for one in range(1, position + 1):
        used = tensors[f"{own_prefix(one)}used.{shape.index}"].bool()
        weight[used & ~taken] = tensors[f"{own_prefix(one)}filter.{shape.index}"]
        taken |= used
    return weight, taken


def gated_view(model: LayerModel, position: int, device: str) -> TaskView:
    """A learned task's network: the filters it uses, behind its own gates."""
    card = model.cards[position - 1]
    tensors = {name: t.to(device) for name, t in part_of(model.tensors, card.own).items()}
    shapes = shapes_of(card)
    for shape in shapes:
        tensors[f"filter.{shape.index}"] = assembled(model.tensors, shape, position)[0].to(device)

    def gate(layer: int, x: Tensor) -> Tensor:
        scores = _gate(x, inside(tensors, f"{card.own}gate.{layer}"), False)
        return (scores > 0) * tensors[f"{card.own}used.{layer}"].to(x.dtype)

    def compute(x: Tensor) -> Tensor:
        filters = [tensors[f"filter.{shape.index}"] for shape in shapes]
        return head(_features(x, card, tensors, filters, gate, False), head_of(tensors, card))

    return TaskView(compute).keeping(tensors)


def _features(
    x: Tensor,
    card: LayerCard,
    tensors: Mapping[str, Tensor],
    filters: Sequence[Tensor],
    gate: Gate,
    training: bool,
) -> Tensor:
    """All layers: convolution, the task's norm, ReLU, the gates, pool; (batch, flat)."""

    def step(layer: int, x: Tensor, skip: Tensor | None) -> Tensor:
        opened = gate(layer, x)
        maps = functional.conv2d(x, filters[layer], padding=filters[layer].shape[-1] // 2)
        maps = _normed(maps, inside(tensors, f"{card.own}norm.{layer}"), training).relu_()
        return joined(maps * opened[:, :, None, None], card.stack.pools[layer], skip)

    return through(x, card.stack, step)


def _gate(x: Tensor, tensors: Mapping[str, Tensor], training: bool) -> Tensor:
    """How much each filter should open: (batch, filters), open above 0."""
    hidden = functional.linear(x.mean((2, 3)), tensors["in.weight"], tensors["in.bias"])
    hidden = _normed(hidden, inside(tensors, "norm"), training).relu_()
    return functional.linear(hidden, tensors["out.weight"], tensors["out.bias"])


def _straight_through(scores: Tensor, generator: torch.Generator) -> Tensor:
    """Open or not, at random; the gradient is that of the sigmoid of scores and noise."""
    uniform = torch.rand(scores.shape, generator=generator, device=scores.device)
    noise = torch.logit(uniform, eps=1e-6)  # the difference of two Gumbel variables
    soft = torch.sigmoid((scores + noise) / _TEMPERATURE)
    return (soft > 0.5).to(soft.dtype) - soft.detach() + soft


def _start_norm(count: int) -> Tensors:
    ones, zeros = torch.ones(count), torch.zeros(count)
    return {"weight": ones, "bias": zeros, "mean": zeros, "var": ones}


def _normed(x: Tensor, tensors: Mapping[str, Tensor], training: bool) -> Tensor:
    """Batch norm; in training its running statistics follow."""
    mean, var, weight, bias = (tensors[name] for name in ("mean", "var", "weight", "bias"))
    return functional.batch_norm(x, mean, var, weight, bias, training, _MOMENTUM)


_SOFT_HIDDEN = 256
_SOFT_TEMPERATURE = 0.1


class SoftGates(LayerLearner):
    """A task on the shared layers, all of them trained with it, behind gates of its own.

    The program's penalty of the gates is left out: their mean is one over the number of filters
    whatever they are, so that it has no gradient.
    """

    def __init__(self, start: LayerStart) -> None:
        super().__init__(start)
        card, side = self.card, self.card.image_size
        entering = (side, *card.stack.sides(side)[:-1])
        for shape, side in zip(shapes_of(card), entering, strict=True):
            self.take(shared_layer(self, HARD, shape.index))
            for number, size in enumerate(
                ((_SOFT_HIDDEN, shape.inputs * side**2), (shape.outputs, _SOFT_HIDDEN))
            ):
                weight, bias = start_plain(size, self.start_generator)
                name = f"{card.own}gate.{shape.index}.{number}"
                self.take(start_layer(name, {"weight": weight, "bias": bias}))
        self.take(start_head(card, card.own, self.start_generator))
        self.train(lambda name: True)

    def objective(self, x: Tensor, y: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        hidden = _soft_features(x, self.card, self.tensors)
        hidden = dropout(hidden, self.options["dropout"], generator)
        logits = head(hidden, head_of(self.tensors, self.card))
        return functional.cross_entropy(logits, y), logits

    def logits(self, x: Tensor) -> Tensor:
        return head(_soft_features(x, self.card, self.tensors), head_of(self.tensors, self.card))

    def older(self, position: int) -> TaskView | None:
        card = self.model.cards[position - 1]
        tensors = on_device(self.model.tensors, card.own, self.device)
        return _soft_view(card, tensors | part_of(self.tensors, "shared."))

    def commit(self, pattern: str) -> tuple[LayerCard, Tensors]:
        return replace(self.card, pattern=pattern), dict(self.tensors)


def soft_view(model: LayerModel, position: int, device: str) -> TaskView:
    """A learned task's network as the model is now; `position` counts from 1."""
    card = model.cards[position - 1]
    wanted = on_device(model.tensors, card.own, device)
    wanted |= on_device(model.tensors, "shared.", device)
    return _soft_view(card, wanted).keeping(wanted)


def _soft_view(card: LayerCard, tensors: Mapping[str, Tensor]) -> TaskView:
    return TaskView(lambda x: head(_soft_features(x, card, tensors), head_of(tensors, card)))


def _soft_features(x: Tensor, card: LayerCard, tensors: Mapping[str, Tensor]) -> Tensor:
    def step(index: int, x: Tensor, skip: Tensor | None) -> Tensor:
        gates = [_gate_layer(tensors, f"{card.own}gate.{index}.{number}") for number in (0, 1)]
        opened = torch.softmax(head(torch.flatten(x, 1), gates) / _SOFT_TEMPERATURE, 1)
        filter = shared_filter(HARD, tensors, card.own, index)
        return layer(x, filter, card.stack.pools[index], skip) * opened[:, :, None, None]

    return through(x, card.stack, step)


def _gate_layer(tensors: Mapping[str, Tensor], name: str) -> Filter:
    return tensors[f"{name}.weight"], tensors[f"{name}.bias"]


GATED = LayerMethod(ChannelGates, gated_view)
GATED_REPO = LayerMethod(SoftGates, soft_view)
