"""A task that picks the largest scores, among old weights and free ones together.

As in WSN (Kang et al., ICML 2022): weights and scores are trained at once, and what was picked and
free belongs to the task when it ends. Around an optimiser step, with u the gradient of an effective
weight (weight x picked): a free picked weight has the gradient u; every score, picked or not, has
u x weight x sign(score), the straight-through estimator. Where all weights are a fixed ground, only
scores are trained: SupSup (Wortsman et al., NeurIPS 2020).
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from lifelong.masks.layers import dense, flat, free_parameters, load_dense, shareable
from lifelong.masks.learner import Learner
from lifelong.masks.model import Model, fresh_network, tensors
from lifelong.masks.pick import Cutoff, rank_of
from lifelong.masks.shard import Arrays, Shard
from lifelong.nets import placed
from lifelong.plan.card import Card
from lifelong.plan.seeds import seed_of


@dataclass(frozen=True)
class Ranking:
    """How weights are ranked: the share that is picked, and what begins anew.

    The share is that of every layer or, with `in_network`, of all of them together. With `stale`
    the picks that count are those of the last step of training, as in WSN's program; otherwise they
    are those of the scores that are kept.
    """

    density: float
    fresh_scores: bool = False
    stale: bool = False
    in_network: bool = False


class RankedLayer:
    """The masks of one layer. `value` holds all its weights, `weight` those that are picked."""

    def __init__(self, weight: Tensor, value: Tensor, owners: Tensor, score: Tensor) -> None:
        self.weight = weight
        self.value = torch.empty_like(weight).detach().copy_(value)
        self.score = torch.empty_like(weight).detach().copy_(score)
        self.mask = torch.ones_like(weight).detach()
        self.is_old = (owners > 0).to(weight.device)
        self.older = int((owners > 0).count_nonzero())
        self.free = torch.empty_like(weight).detach().copy_(~self.is_old)
        self.cutoff = Cutoff()

    @property
    def learns(self) -> bool:
        """Whether any of its weights may change."""
        return self.older < self.is_old.numel()

    @torch.no_grad()
    def rank(self, density: float) -> None:
        """Pick the entries whose scores are largest; ties at the last place are picked too."""
        sizes = flat(self.score).abs()
        cutoff = self.cutoff.find(sizes, rank_of(density, sizes.numel()))
        torch.ge(sizes, cutoff, out=flat(self.mask))

    @torch.no_grad()
    def apply(self) -> None:
        """Put the picked weights where the network sees them."""
        torch.mul(self.value, self.mask, out=self.weight.data)

    def own(self) -> Tensor:
        """Where the task has weights of its own, bool."""
        return (self.mask > 0) & ~self.is_old

    def of(self, values: Tensor, where: Tensor) -> np.ndarray:
        """The entries of a tensor like the weight for which `where` holds, in logical order."""
        return values.detach().cpu().reshape(-1)[where.cpu().reshape(-1)].numpy()


class NetworkRanking:
    """Ranks the weights of all layers together, so that layers get unlike shares.

    Scores count as multiples of the spread that those of their layer began with; otherwise small
    layers, whose scores begin larger, would be picked whole.
    """

    def __init__(self, layers: Sequence[RankedLayer]) -> None:
        self.layers = layers
        counts = [layer.score.numel() for layer in layers]
        self.sizes = torch.empty(sum(counts), device=layers[0].score.device)
        self.parts = self.sizes.split(counts)
        self.cutoff = Cutoff()

    @torch.no_grad()
    def rank(self, density: float) -> None:
        """Pick the entries whose scores are largest; ties at the last place are picked too."""
        for layer, sizes in zip(self.layers, self.parts, strict=True):
            torch.abs(flat(layer.score), out=sizes)
            sizes.div_(spread(layer.score))
        cutoff = self.cutoff.find(self.sizes, rank_of(density, self.sizes.numel()))
        for layer, sizes in zip(self.layers, self.parts, strict=True):
            torch.ge(sizes, cutoff, out=flat(layer.mask))


class RankedLearner:
    """A task's network whose layers pick by rank; see `Learner` for the rest.

    `before` is the working file of the task before it, which has the scores and the weights that
    are still free; without one both begin anew. Picks stay as they were when they froze.
    """

    def __init__(
        self,
        model: Model,
        card: Card,
        seed: int,
        device: str,
        ranking: Ranking,
        before: Shard | None = None,
    ) -> None:
        self.card, self.ranking, self.density = card, ranking, ranking.density
        network = fresh_network(card, seed)
        layers = shareable(network)
        model.widen({name: tuple(layer.weight.shape) for name, layer in layers.items()}, card)
        if model.shards:
            older = model.shards[-1]
            grown = model.growth(older.card)
            load_dense(network, tensors(older.dense), head=False, growth=grown)
        scores = None if before is None or ranking.fresh_scores else before.ranks
        starts = {name: layer.weight.detach().clone() for name, layer in layers.items()}
        self.network = placed(network, device)
        self.layers = {
            name: RankedLayer(
                layer.weight,
                *_state(model, name, starts[name], before),
                _scores(
                    starts[name],
                    seed_of(seed, "scores", name),
                    None if scores is None else scores[name],
                ),
            )
            for name, layer in shareable(self.network).items()
        }
        self.frozen = True
        self.version = 0
        ranked = list(self.layers.values())
        self.rankings = [NetworkRanking(ranked)] if ranking.in_network else ranked
        self.rank()

    def rank(self) -> None:
        """Pick by the scores as they are now."""
        for one in self.rankings:
            one.rank(self.density)
        self.restore()

    def restore(self) -> None:
        """Put the picked weights back."""
        for layer in self.layers.values():
            layer.apply()

    def load(self, shard: Shard, head: bool = True) -> None:
        """Take over the weights, scores, picks and own tensors of a working file."""
        assert shard.ranks is not None and shard.used is not None
        for name, layer in self.layers.items():
            shape, device = layer.weight.shape, layer.weight.device
            free = ~layer.is_old.cpu().reshape(-1)
            value = layer.value.cpu().reshape(-1).clone()
            value[free] = torch.from_numpy(shard.values[name])
            layer.value.copy_(value.view(shape).to(device))
            layer.score.copy_(torch.from_numpy(shard.ranks[name]).view(shape))
            layer.mask.copy_(torch.from_numpy(shard.used[name]).view(shape))
        load_dense(self.network, tensors(shard.dense), head=head)
        self.version += 1
        self.restore()

    def start_scores(self) -> list[Tensor]:
        """Make the picks follow the scores; returns these for an optimiser to step."""
        self.frozen = False
        self.version += 1
        return self.scores()

    def freeze_scores(self) -> None:
        """From now on the picks stay as they are."""
        self.frozen = True
        self.version += 1

    def scores(self) -> list[Tensor]:
        return [layer.score for layer in self.layers.values()]

    def weights(self) -> list[Tensor]:
        """The effective weights."""
        return [layer.weight for layer in self.layers.values()]

    def learned(self) -> list[Tensor]:
        """What the optimiser of weights steps."""
        return [layer.value for layer in self.layers.values() if layer.learns]

    def others(self) -> list[Tensor]:
        """Norms, biases and the head."""
        return free_parameters(self.network)

    def prune_to(self, ratio: float) -> None:
        """Pick only so much less: (1 - ratio) of what the task began with."""
        self.density = self.ranking.density * (1 - ratio)
        self.rank()

    def state(self) -> dict[str, Tensor]:
        """All that changes while learning, by name; the tensors themselves, not copies.

        Picks are in it once they are frozen.
        """
        return self._trained() | (self._masks() if self.frozen else {})

    def _trained(self) -> dict[str, Tensor]:
        state = {f"network/{name}": tensor for name, tensor in dense(self.network).items()}
        for name, layer in self.layers.items():
            state |= {f"value/{name}": layer.value, f"score/{name}": layer.score}
        return state

    def _masks(self) -> dict[str, Tensor]:
        return {f"mask/{name}": layer.mask for name, layer in self.layers.items()}

    @torch.no_grad()
    def load_state(self, saved: Mapping[str, Tensor]) -> None:
        """Put back what `state` gave, whether picks were frozen then, or are now, or not.

        Picks that it does not hold are those of the scores; stale ones stay as they are.
        """
        masks = {name: mask for name, mask in self._masks().items() if name in saved}
        for name, tensor in {**self._trained(), **masks}.items():
            tensor.copy_(saved[name])
        if masks or self.ranking.stale:
            self.restore()
        else:
            self.rank()
        self.version += 1

    def counts(self) -> dict[str, int]:
        """Weights owned, free, picked and in all, at this width."""
        layers = self.layers.values()
        total = sum(layer.weight.numel() for layer in layers)
        owned = sum(int(layer.own().count_nonzero()) for layer in layers)
        old = sum(layer.older for layer in layers)
        used = sum(int(layer.mask.count_nonzero()) for layer in layers)
        return {"owned": owned, "free": total - old - owned, "picked": used - owned, "total": total}

    def shard(self) -> Shard:
        """What the task brings, as it is now."""
        layers = self.layers.items()
        owned = {name: layer.of(layer.own(), ~layer.is_old) for name, layer in layers}
        older = any(layer.older for layer in self.layers.values())
        return Shard(
            card=self.card,
            shapes={name: tuple(layer.weight.shape) for name, layer in layers},
            values={name: layer.of(layer.value, layer.own()) for name, layer in layers},
            owned=owned,
            picks={n: one.of(one.mask > 0, one.is_old) for n, one in layers} if older else None,
            dense={
                name: tensor.detach().cpu().contiguous().numpy().copy()
                for name, tensor in dense(self.network).items()
            },
        )

    @torch.no_grad()
    def set_own(self, values: Arrays) -> None:
        """Replace the own weights, given as a shard has them."""
        for name, layer in self.layers.items():
            value = layer.value.cpu().reshape(-1).clone()
            value[layer.own().cpu().reshape(-1)] = torch.from_numpy(values[name])
            layer.value.copy_(value.view(layer.value.shape))
            layer.apply()

    def working(self) -> Shard:
        """The same with all that another stage or task goes on with: every free weight, scores."""
        layers = self.layers.items()
        everywhere = {name: torch.ones_like(one.is_old) for name, one in layers}
        return replace(
            self.shard(),
            values={name: one.of(one.value, ~one.is_old) for name, one in layers},
            owned={name: one.of(everywhere[name], ~one.is_old) for name, one in layers},
            picks=None,
            ranks={name: one.of(one.score, everywhere[name]) for name, one in layers},
            used={name: one.of(one.mask > 0, everywhere[name]) for name, one in layers},
        )

    rung = working


TaskLearner = Learner | RankedLearner


def spread(weight: Tensor) -> float:
    """The largest score that a weight of this shape begins with: 1 / sqrt(fan in)."""
    return 1 / math.sqrt(weight[0].numel())


def _state(model: Model, name: str, start: Tensor, before: Shard | None) -> tuple[Tensor, Tensor]:
    """All weights of a layer as the task finds them, and their owners."""
    owners = torch.from_numpy(model.owners[name])
    value = torch.where(owners > 0, torch.from_numpy(model.weights[name]), start)
    if before is not None:
        value = _left_free(value, owners, before, name, model)
    return value, owners


def _left_free(value: Tensor, owners: Tensor, before: Shard, name: str, model: Model) -> Tensor:
    """Free weights go on from where the task before left them."""
    then = np.zeros(int(np.prod(before.shapes[name])), np.float32)
    last = len(model.shards)
    was_free = (model.owners[name].reshape(-1) == 0) | (model.owners[name].reshape(-1) == last)
    then[was_free] = before.values[name]
    return torch.where(owners > 0, value, torch.from_numpy(then).view(value.shape))


def _scores(start: Tensor, seed: int, carried: np.ndarray | None) -> Tensor:
    """Scores of a layer: carried on, or U(-1, 1) / sqrt(fan in), as torch starts its weights."""
    if carried is not None:
        return torch.from_numpy(carried).view(start.shape)
    random = torch.Generator().manual_seed(seed)
    bound = spread(start)
    return torch.empty(start.shape).uniform_(-bound, bound, generator=random)
