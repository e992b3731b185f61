"""APD: additive parameter decomposition (Yoon, Kim, Yang & Hwang, ICLR 2020).

A task's filters are shared ones, scaled channel by channel, plus a sparse addition of its own. When
a new task moves the shared ones, the additions of older tasks learn along and hold their filters
where they were. Every few tasks additions are clustered, and what is alike is kept once per group.

`apd` is this, with fully connected layers and biases that belong to each task, trained as its
authors train it: Adam at a rate of 1e-3, all gradients times ten. That is what makes the additions
sparse: with RMSProp at 1e-4, as LASEM (ICML 2021) trains everything, 92 to 99 % of them survive 100
epochs. `apd_repo` is what LASEM's program has under the name: masks and additions weight by weight,
shared biases, nothing that holds the shared weights, no pruning and no groups. Nothing is quoted:
APD's paper has another network, and the tables of LASEM were not available.

Measured here: apd 42.8 %, apd_repo 41.3 % on experiments/lasem_cifar100_small.yaml (stl: 41.1 %);
forgetting apd_repo 0.7 points.

In tensors, of `apd`: a task's filter is shared weight x sigmoid(`t003.mask.{layer}`) +
`t003.extra.{layer}` + what its group of tasks has in common, `shared.group.{group}.{layer}`. The
shared weight and the additions of all tasks are trained with every task, so that older filters
stay where they are; additions and groups are stored without their zeros. Of `apd_repo`: the same
without groups, mask and addition as large as the weight.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
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
    own_filter,
    shapes_of,
    start_head,
    start_layer,
)
from lifelong.layers.part import LayerCard, own_prefix
from lifelong.layers.sparse import packed, unpacked
from lifelong.methods.base import LayerMethod
from lifelong.nets.conv_stack import Filter, dropout, features, head, start_plain


class Decomposition(LayerLearner):
    """A task, and with it the additions of all older ones, `older.{layer}`: (tasks, *filter)."""

    def __init__(self, start: LayerStart) -> None:
        super().__init__(start)
        self.shapes, self.settings = shapes_of(self.card), self.options["apd"]
        self.optimiser = self.settings["optimiser"]
        self.gradient_scale = self.settings["gradient_scale"]
        self._seed = start.seed
        self._scales: list[Tensor] = []  # of older tasks, a layer: (tasks, out, 1, 1, 1)
        self._were: list[Tensor] = []  # their filters without what is common: (tasks, *filter)
        for shape in self.shapes:
            self._take_layer(shape)
        self.take(start_head(self.card, self.card.own, self.start_generator))
        self.train(lambda name: True)

    def _take_layer(self, shape: LayerShape) -> None:
        name, layer, known = f"shared.{shape.index}.weight", shape.index, self.model.tensors
        weight, bias = start_plain(shape.filter, self.start_generator)
        weight = known.get(name, weight)
        mask = start_plain((shape.outputs, 1), self.start_generator)[0].flatten()
        own = {"mask": mask, "extra": weight, "bias": bias}
        self.take({name: weight})
        self.take({f"{self.card.own}{kind}.{layer}": tensor for kind, tensor in own.items()})
        older = [own_prefix(position) for position in range(1, self.card.position)]
        if older:
            masks = torch.stack([known[f"{one}mask.{layer}"] for one in older])
            extras = [unpacked(inside(known, f"{one}extra.{layer}"), shape.filter) for one in older]
            self.take({f"older.{layer}": torch.stack(extras)})
            self._scales.append(_scale(masks).to(self.device))
            with torch.no_grad():
                self._were.append(self._are(layer))

    def _are(self, layer: int) -> Tensor:
        """Older tasks' filters as they are now, without what is common to a group."""
        shared = self.tensors[f"shared.{layer}.weight"]
        return shared * self._scales[layer] + self.tensors[f"older.{layer}"]

    def objective(self, x: Tensor, y: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        extras = inside(self.tensors, f"{self.card.own}extra")
        filters = [self._filter(shape.index, extras[f"{shape.index}"]) for shape in self.shapes]
        hidden = features(x, self.card.stack, filters)
        hidden = dropout(hidden, self.options["dropout"], generator)
        logits = head(hidden, head_of(self.tensors, self.card))
        loss = functional.cross_entropy(logits, y)
        for shape in self.shapes:
            loss = loss + self._penalty(shape.index)
        return loss, logits

    def _penalty(self, layer: int) -> Tensor:
        """Small weights, few additions, and older filters where they were."""
        own, tensors, settings = self.card.own, self.tensors, self.settings
        extra, mask = tensors[f"{own}extra.{layer}"], tensors[f"{own}mask.{layer}"]
        squares, sizes = extra.square().sum() + mask.square().sum(), extra.abs().sum()
        if not self._were:
            squares = squares + tensors[f"shared.{layer}.weight"].square().sum()
            return settings["weight_decay"] / 2 * squares + settings["l1"] * sizes
        sizes = sizes + tensors[f"older.{layer}"].abs().sum()
        moved = (self._are(layer) - self._were[layer]).square().sum()
        penalty = settings["weight_decay"] / 2 * squares + settings["l1"] * sizes
        return penalty + settings["drift"] / 2 * moved

    def _filter(self, layer: int, extra: Tensor) -> Filter:
        own, shared = self.card.own, self.tensors[f"shared.{layer}.weight"]
        weight = shared * _scale(self.tensors[f"{own}mask.{layer}"]) + extra
        return weight, self.tensors[f"{own}bias.{layer}"]

    def logits(self, x: Tensor) -> Tensor:
        extras, least = inside(self.tensors, f"{self.card.own}extra"), self.settings["l1"]
        filters = [
            self._filter(shape.index, _pruned(extras[f"{shape.index}"], least))
            for shape in self.shapes
        ]
        return head(features(x, self.card.stack, filters), head_of(self.tensors, self.card))

    def epoch_facts(self) -> dict[Fact, float]:
        """The share of a layer's additions that would be kept."""
        least, own = self.settings["l1"], self.card.own
        extras = [self.tensors[f"{own}extra.{shape.index}"] for shape in self.shapes]
        shares = torch.stack([(extra.abs() > least).float().mean() for extra in extras]).tolist()
        return {Fact("kept", layer): share for layer, share in enumerate(shares)}

    def older(self, position: int) -> TaskView | None:
        card, known = self.model.cards[position - 1], self.model.tensors
        common = [_common(self.model, position, shape).to(self.device) for shape in self.shapes]
        own = {name: tensor.to(self.device) for name, tensor in part_of(known, card.own).items()}

        def compute(x: Tensor) -> Tensor:
            filters = []
            for layer, also in enumerate(common):
                extra = self.tensors[f"older.{layer}"][position - 1]
                extra = _pruned(extra, self.settings["l1"]) + also
                shared = self.tensors[f"shared.{layer}.weight"]
                scale = self._scales[layer][position - 1]
                filters.append((shared * scale + extra, own[f"{card.own}bias.{layer}"]))
            return head(features(x, card.stack, filters), head_of(own, card))

        return TaskView(compute)

    def commit(self, pattern: str) -> tuple[LayerCard, Tensors]:
        """Everybody's additions, for all of them moved; every so many tasks groups of them."""
        own, position = self.card.own, self.card.position
        every, facts = self.settings["cluster_every"], dict(self.card.facts)
        regroup = every > 0 and position % every == 0
        dense = ("older.", f"{own}extra.")
        state = {name: t for name, t in self.tensors.items() if not name.startswith(dense)}
        for shape in self.shapes:
            extras = self._additions(shape.index)
            if regroup:
                labels, tensors, extras = self._regrouped(shape, extras)
                facts.setdefault("groups", []).append(labels)
                state |= tensors
            for place, extra in enumerate(extras, 1):
                name = f"{own_prefix(place)}extra.{shape.index}"
                state |= start_layer(name, packed(extra))
        return replace(self.card, pattern=pattern, facts=facts), state

    def _additions(self, layer: int) -> list[Tensor]:
        """Of all tasks, in order, without the small ones."""
        mine = self.tensors[f"{self.card.own}extra.{layer}"].detach()[None]
        older = self.tensors.get(f"older.{layer}")
        both = mine if older is None else torch.cat([older.detach(), mine])
        return list(_pruned(both, self.settings["l1"]).cpu())

    def _regrouped(
        self, shape: LayerShape, extras: list[Tensor]
    ) -> tuple[list[int], Tensors, list[Tensor]]:
        """Groups, from additions with what older groups had in common put back; that is dropped."""
        common = [_common(self.model, place, shape) for place in range(1, len(extras) + 1)]
        whole = [extra + also for extra, also in zip(extras, common, strict=True)]
        clusters = self.settings["clusters"] * self.card.position // self.settings["cluster_every"]
        labels, shared, left = grouped(whole, clusters, self.settings["gap"], self._seed)
        before = _groups(self.model)[shape.index] if _groups(self.model) else []
        gone = max(before, default=ALONE) + 1 - len(shared)
        shared += [torch.zeros(shape.filter)] * gone
        state: Tensors = {}
        for group, tensor in enumerate(shared):
            name = _group_name(group, shape.index)
            state |= start_layer(name, packed(_pruned(tensor, self.settings["l1"])))
        return labels, state, left


def decomposed_view(model: LayerModel, position: int, device: str) -> TaskView:
    """A learned task's network as the model is now; `position` counts from 1."""
    card, tensors = model.cards[position - 1], model.tensors
    known = {name: t.to(device) for name, t in part_of(tensors, f"{card.own}head.").items()}
    for shape in shapes_of(card):
        extra = unpacked(inside(tensors, f"{card.own}extra.{shape.index}"), shape.filter)
        extra = extra + _common(model, position, shape)
        scale = _scale(tensors[f"{card.own}mask.{shape.index}"])
        weight = tensors[f"shared.{shape.index}.weight"] * scale + extra
        bias = tensors[f"{card.own}bias.{shape.index}"]
        layer = {"weight": weight.to(device), "bias": bias.to(device)}
        known |= start_layer(f"{card.own}own.{shape.index}", layer)

    def compute(x: Tensor) -> Tensor:
        filters = [own_filter(known, card.own, layer) for layer in range(card.stack.depth)]
        return head(features(x, card.stack, filters), head_of(known, card))

    return TaskView(compute).keeping(known)


def _common(model: LayerModel, position: int, shape: LayerShape) -> Tensor:
    """What a task has in common with its group in a layer; zeros where it is in none."""
    groups = _groups(model)[shape.index] if _groups(model) else []
    if position > len(groups) or groups[position - 1] == ALONE:
        return torch.zeros(shape.filter)
    name = _group_name(groups[position - 1], shape.index)
    return unpacked(inside(model.tensors, name), shape.filter)


def _groups(model: LayerModel) -> list[list[int]]:
    """Each layer's groups of tasks, as they were last found."""
    known = [card.facts["groups"] for card in model.cards if "groups" in card.facts]
    return known[-1] if known else []


def _group_name(group: int, layer: int) -> str:
    return f"shared.group.{group}.{layer}"


def _scale(mask: Tensor) -> Tensor:
    """What multiplies filters: (…, out) to (…, out, 1, 1, 1) between 0 and 1."""
    return torch.sigmoid(mask)[..., None, None, None]


def _pruned(extra: Tensor, least: float) -> Tensor:
    return torch.where(extra.abs() > least, extra, 0.0)


class FullMasks(LayerLearner):
    """A task on the shared layers, all of them trained with it, with its masks and additions.

    The program means to hold the shared weights where they were, but the term never comes to its
    loss; it is left out here too.
    """

    def __init__(self, start: LayerStart) -> None:
        super().__init__(start)
        for shape in shapes_of(self.card):
            self.take(shared_layer(self, HARD, shape.index))
            for kind in ("mask", "extra"):
                weight, _ = start_plain(shape.filter, self.start_generator)
                self.take({f"{self.card.own}{kind}.{shape.index}": weight})
        self.take(start_head(self.card, self.card.own, self.start_generator))
        self.train(lambda name: True)

    def objective(self, x: Tensor, y: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        card = self.card
        hidden = features(x, card.stack, _filters(self.tensors, card))
        hidden = dropout(hidden, self.options["dropout"], generator)
        logits = head(hidden, head_of(self.tensors, card))
        extras = part_of(self.tensors, f"{card.own}extra.").values()
        sizes = torch.stack([extra.abs().mean() for extra in extras])
        loss = functional.cross_entropy(logits, y) + self.options["apd"]["l1"] * sizes.mean()
        return loss, logits

    def logits(self, x: Tensor) -> Tensor:
        return _logits(x, self.tensors, self.card)

    def older(self, position: int) -> TaskView | None:
        card = self.model.cards[position - 1]
        tensors = on_device(self.model.tensors, card.own, self.device)
        tensors |= part_of(self.tensors, "shared.")
        return TaskView(lambda x: _logits(x, tensors, card))

    def commit(self, pattern: str) -> tuple[LayerCard, Tensors]:
        return replace(self.card, pattern=pattern), dict(self.tensors)


def full_masks_view(model: LayerModel, position: int, device: str) -> TaskView:
    """A learned task's network as the model is now; `position` counts from 1."""
    card = model.cards[position - 1]
    tensors = on_device(model.tensors, card.own, device)
    tensors |= on_device(model.tensors, "shared.", device)
    return TaskView(lambda x: _logits(x, tensors, card)).keeping(tensors)


def _logits(x: Tensor, tensors: Mapping[str, Tensor], card: LayerCard) -> Tensor:
    return head(features(x, card.stack, _filters(tensors, card)), head_of(tensors, card))


def _filters(tensors: Mapping[str, Tensor], card: LayerCard) -> list[Filter]:
    filters = []
    for layer in range(card.stack.depth):
        mask = torch.sigmoid(tensors[f"{card.own}mask.{layer}"])
        weight = tensors[f"shared.{layer}.weight"] * mask + tensors[f"{card.own}extra.{layer}"]
        filters.append((weight, tensors[f"shared.{layer}.bias"]))
    return filters


ALONE = -1  # the group of a task that is like no other


def grouped(
    extras: Sequence[Tensor], clusters: int, gap: float, seed: int
) -> tuple[list[int], list[Tensor], list[Tensor]]:
    """Groups of tasks by their additions to one layer: k-means, then what is alike moves.

    Elements that differ by at most `gap` within a group become the middle of their range. Returns
    each task's group, what each group has in common, and what is left of each addition.
    """
    labels = _alike(torch.stack([extra.flatten() for extra in extras]).numpy(), clusters, seed)
    common, left = [], list(extras)
    for group in range(max(labels) + 1):
        members = [place for place, label in enumerate(labels) if label == group]
        values = torch.stack([extras[place] for place in members])
        high, low = values.amax(0), values.amin(0)
        near = high - low <= gap
        common.append(torch.where(near, (high + low) / 2, 0.0))
        for place in members:
            left[place] = torch.where(near, 0.0, extras[place])
    return labels, common, left


def _alike(rows: np.ndarray, clusters: int, seed: int) -> list[int]:
    """A label a row, counted from 0 as groups of several appear; ALONE for other rows."""
    from sklearn.cluster import KMeans

    most = min(clusters, len(np.unique(rows, axis=0)))
    labels = KMeans(most, n_init=10, random_state=seed % 2**32).fit_predict(rows).tolist()
    several = [label for label in dict.fromkeys(labels) if labels.count(label) > 1]
    return [several.index(label) if label in several else ALONE for label in labels]


APD = LayerMethod(Decomposition, decomposed_view)
APD_REPO = LayerMethod(FullMasks, full_masks_view)
