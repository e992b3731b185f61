"""DEN: lifelong learning with dynamically expandable networks (Yoon et al., ICLR 2018).

All tasks have hidden layers in common and an output layer each. A new task first trains its output
layer, then the units that this turned out to use, held near what they were; if its loss stays high
all hidden layers get new units, of which whole ones are shrunk away again; and units that moved far
are split into what they were and what they became. A task is used with the units that were there
when it was learned, so that new ones never disturb it; common ones may move a little.

What is left open by the paper is decided here: shares of the epochs 0.1, 0.3, 0.3 and 0.3 as LASEM
(ICML 2021) compares with it; the loss is the mean cross entropy of an epoch; decay and soft
thresholds pull weights alone, the drift penalty biases too; a split unit's copy takes half of its
connections with units that older tasks do not see, and none with those they do. The published
programs select units by the first class only, and one of them splits the units that moved least;
not so here. Networks with skips are refused, because their layers cannot grow one by one.

The paper reports, for MNIST variations, CIFAR-100 and AWA, accuracies of separate networks with a
fraction of their size; its networks and tasks are others, so nothing is quoted.

Measured here: 37.8 % on experiments/lasem_cifar100_small.yaml (stl: 41.1 %); forgetting 4.2
points.

The facts on a learner's card say how it must begin: its `phase`, the `widths` of the hidden layers,
those of the model before the task (`old`), and in one phase which units are trained (`selected`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from lifelong.layers.growing import (
    GrownLayer,
    awake,
    drifted,
    first_widths,
    growing_view,
    layers_of,
    logits_of,
    plant,
    selected,
    start_units,
    taken,
    unit_view,
)
from lifelong.layers.learner import Fact, LayerLearner, LayerStart, TrainingPart
from lifelong.layers.model import TaskView, Tensors, part_of
from lifelong.layers.part import LayerCard
from lifelong.methods.base import LayerMethod
from lifelong.nets.conv_stack import Filter

SEEN = "seen"  # cross entropy summed over the images of an epoch, and how many they were
CROSS_ENTROPY = Fact("cross_entropy")
DENSE_SPLITS = 15  # times `units`: so many units of a fully connected layer are split at most


@dataclass(frozen=True)
class Pull:
    """How long a phase takes, and what moves weights beside the cross entropy."""

    share: float
    l2: bool = False
    l1: bool = False  # weights shrink towards zero after every step
    drift: bool = False  # units that older tasks see are held near what they were
    group: bool = False  # new units shrink whole


PHASES = {
    "first": Pull(1.0, l2=True, l1=True),  # everything, by the first task
    "output": Pull(0.1, l1=True),  # the classes alone
    "selected": Pull(0.3, l2=True, drift=True),  # the units that the classes turned out to use
    "added": Pull(0.3, l1=True, group=True),  # new units and their connections
    "split": Pull(0.3, drift=True),  # everything, after the units that moved far were split
}


class ExpandingLearner(LayerLearner):
    """One phase of a task; `following` makes the learner of the next."""

    optimiser = "adam"

    def __init__(self, start: LayerStart) -> None:
        super().__init__(start)
        self.start, self.settings = start, self.options["den"]
        self.card = replace(self.card, facts={**self._first_facts(), **self.card.facts})
        self.phase, self.widths = self.card.facts["phase"], self.card.facts["widths"]
        self.old: list[int] = self.card.facts["old"]
        self.pull = PHASES[self.phase]
        self.part = TrainingPart(self.phase, self.pull.share, steady=True)
        self.layers = layers_of(self.card, self.widths)
        self.take(start_units(self.layers, self.start_generator))
        plant(self.tensors, self.layers, self.model.tensors, layers_of(self.card, self.old))
        self.take({SEEN: torch.zeros(2)})
        only = self.card.own if self.phase == "output" else ""
        self.train(lambda name: name.startswith(only) and name != SEEN)
        self.moving = {k: mask.to(self.device) for k, mask in self._moving().items()}
        self.before = self._before() if self.pull.drift else []

    def _first_facts(self) -> dict[str, Any]:
        """Of a task that begins."""
        if self.model.cards:
            widths = self.model.cards[-1].facts["widths"]
            return {"phase": "output", "widths": widths, "old": widths}
        widths = first_widths(self.card, self.settings["hidden"])
        return {"phase": "first", "widths": widths, "old": [0] * len(widths)}

    def _moving(self) -> dict[str, Tensor]:
        """Which numbers of a tensor are trained, by name, where not all are."""
        if self.phase not in ("selected", "added"):
            return {}
        masks: Tensors = {}
        below = torch.full((self.layers[0].below,), self.phase == "selected")  # of the image
        for index, layer in enumerate(self.layers):
            here = self._chosen(index)
            pair = (here[:, None], below[None, :])
            both = pair[0] & pair[1] if self.phase == "selected" else pair[0] | pair[1]
            wide = both[:, :, None].expand(-1, -1, layer.cells)
            masks |= {f"{layer.name}.weight": wide.reshape(layer.shape), f"{layer.name}.bias": here}
            below = here
        return masks

    def _chosen(self, index: int) -> Tensor:
        """The units of a layer that a phase is about; of the classes all are selected, none new."""
        units = torch.arange(self.layers[index].units)
        hidden = index < len(self.widths)
        if self.phase == "selected":
            known = self.card.facts["selected"][index] if hidden else units
            return torch.isin(units, torch.as_tensor(known, dtype=torch.int64))
        return units >= (self.old[index] if hidden else len(units))

    def _before(self) -> list[tuple[GrownLayer, Tensor, Tensor]]:
        """Hidden layers, and what they were before the task: (units, below, cells), (units,)."""
        before = []
        for layer in layers_of(self.card, self.old)[:-1]:
            bias = self.model.tensors[f"{layer.name}.bias"].to(self.device)
            before.append((layer, layer.by_unit(self.model.tensors).to(self.device), bias))
        return before

    def filters(self) -> list[Filter]:
        """Of all layers; what the phase does not train gets no gradient."""
        live = {k: t for k, t in self.tensors.items() if k != SEEN}
        for name, moving in self.moving.items():
            live[name] = torch.where(moving, live[name], live[name].detach())
        return [layer.filter(live) for layer in self.layers]

    def logits(self, x: Tensor) -> Tensor:
        return logits_of(x, self.card.stack, self.filters())

    def objective(self, x: Tensor, y: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        filters = self.filters()
        logits = logits_of(x, self.card.stack, filters)
        loss = functional.cross_entropy(logits, y)
        with torch.no_grad():
            self.tensors[SEEN][0] += loss * len(y)
            self.tensors[SEEN][1] += len(y)
        if self.pull.l2:
            squares = torch.stack([weight.square().sum() for weight, _ in filters])
            loss = loss + self.settings["l2"] / 2 * squares.sum()
        if self.pull.drift:
            loss = loss + self.settings["drift"] / 2 * self._moved(filters)
        return loss, logits

    def _moved(self, filters: Sequence[Filter]) -> Tensor:
        """Squared distance of what older tasks see from what it was."""
        distances = []
        for (small, weight, bias), large, now in zip(
            self.before, self.layers[:-1], filters[:-1], strict=True
        ):
            rows = now[0].reshape(large.units, large.below, large.cells)
            distances.append((rows[: small.units, : small.below] - weight).square().sum())
            distances.append((now[1][: small.units] - bias).square().sum())
        return torch.stack(distances).sum()

    @torch.no_grad()
    def after_step(self, rate: float) -> None:
        for layer, count in zip(self.layers, [*self.old, self.layers[-1].units], strict=True):
            weight, bias = layer.filter(self.tensors)
            if self.pull.l1 and weight.requires_grad:
                shrunk = functional.softshrink(weight, self.settings["l1"])
                moving = self.moving.get(f"{layer.name}.weight")
                weight.copy_(shrunk if moving is None else torch.where(moving, shrunk, weight))
            if self.pull.group:
                shrink_groups(weight[count:], bias[count:], rate * self.settings["group_lasso"])

    def epoch_facts(self) -> dict[Fact, float]:
        total, images = self.tensors[SEEN].tolist()
        self.tensors[SEEN].zero_()
        facts = {CROSS_ENTROPY: total / images}
        facts |= {Fact("units", index): float(count) for index, count in enumerate(self.widths)}
        chosen = self.card.facts.get("selected", [])
        return facts | {
            Fact("selected", index): float(len(one)) for index, one in enumerate(chosen)
        }

    def older(self, position: int) -> TaskView | None:
        if self.phase in ("output", "added"):
            return None
        card = self.model.cards[position - 1]
        own = part_of(self.model.tensors, card.own)
        known = {name: tensor.to(self.device) for name, tensor in own.items()}
        return growing_view({**known, **self.tensors}, card)

    def commit(self, pattern: str) -> tuple[LayerCard, Tensors]:
        tensors, widths = self._kept()
        tensors = {name: tensor for name, tensor in tensors.items() if name != SEEN}
        return replace(self.card, pattern=pattern, facts={"widths": widths}), tensors

    def following(self, last: Mapping[Fact, float]) -> "ExpandingLearner | None":
        if self.phase == "output":
            chosen = selected(self.tensors, self.layers)
            return self._next("selected", self.widths, self.tensors, self.widths, selected=chosen)
        if self.phase == "selected" and last[CROSS_ENTROPY] >= self.settings["loss_threshold"]:
            wider = [count + self.settings["units"] for count in self.widths]
            return self._next("added", wider, self.tensors, self.widths)
        if self.phase in ("selected", "added"):
            return self._split(*self._kept())
        return None

    def _next(
        self, phase: str, widths: list[int], tensors: Tensors, known: Sequence[int], **facts: Any
    ) -> "ExpandingLearner":
        """A learner with layers of the `known` widths first, and fresh units up to its `widths`."""
        begins = {"phase": phase, "widths": widths, "old": self.old, **facts}
        card = replace(self.start.card, facts=begins)
        after = ExpandingLearner(replace(self.start, card=card))
        with torch.no_grad():
            plant(after.tensors, after.layers, tensors, layers_of(card, known))
        return after

    @torch.no_grad()
    def _kept(self) -> tuple[Tensors, list[int]]:
        """All layers without new units that give nothing, and their widths."""
        if self.phase not in ("added", "split"):
            return self.tensors, self.widths
        units = [self._index(one) for one in awake(self.tensors, self.layers, self.old)]
        return taken(self.tensors, self.layers, units), [len(one) for one in units]

    @torch.no_grad()
    def _split(self, tensors: Tensors, widths: list[int]) -> "ExpandingLearner | None":
        """Give back to older tasks the units that moved far; copies of what they became are new."""
        layers, before, splits = layers_of(self.card, widths), self._before(), []
        for (small, weight, _), large in zip(before, layers[:-1], strict=True):
            now = large.by_unit(tensors)[: small.units, : small.below]
            kind = "split_conv" if small.kernel else "split_dense"
            most = self.settings["units"] * (1 if small.kernel else DENSE_SPLITS)
            splits.append(drifted(now, weight, self.settings[kind], most))
        if not any(splits):
            return None
        copies = zip(widths, splits, strict=True)
        units = [self._index([*range(width), *split]) for width, split in copies]
        grown = taken(tensors, layers, units)
        wider = [len(one) for one in units]
        halve(grown, layers_of(self.card, wider), widths, splits, self.old)
        for (small, weight, bias), large, split in zip(
            before, layers_of(self.card, wider)[:-1], splits, strict=True
        ):
            rows = large.by_unit(grown)
            rows[split] = 0
            rows[split, : small.below] = weight[split]
            large.filter(grown)[1][split] = bias[split]
        return self._next("split", wider, grown, wider)

    def _index(self, units: Sequence[int]) -> Tensor:
        return torch.as_tensor(units, dtype=torch.int64, device=self.device)


def halve(
    tensors: Tensors,
    layers: Sequence[GrownLayer],
    widths: Sequence[int],
    split: Sequence[Sequence[int]],
    old: Sequence[int],
) -> None:
    """Connect copies of units, which lie from `widths` on, with the layers above.

    A unit above that older tasks see keeps its connections, and none with a copy; any other has
    half of them with the original and half with the copy.
    """
    seen = [*old[1:], 0]  # of the layer above each
    for large, first, units, count in zip(layers[1:], widths, split, seen, strict=True):
        rows, copies = large.by_unit(tensors), list(range(first, first + len(units)))
        rows[:count, copies] = 0
        rows[count:, copies] /= 2
        rows[count:, list(units)] /= 2


def shrink_groups(weight: Tensor, bias: Tensor, least: float) -> None:
    """Shorten what enters a unit, weights and bias as one vector, by `least`, at most to zero."""
    length = (weight.flatten(1).square().sum(1) + bias.square()).sqrt()
    kept = (1 - least / length.clamp_min(torch.finfo(length.dtype).tiny)).clamp_min(0)
    weight.mul_(kept.reshape(-1, *[1] * (weight.dim() - 1)))
    bias.mul_(kept)


DEN = LayerMethod(ExpandingLearner, unit_view)
