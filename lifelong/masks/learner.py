"""One task being learned in the free weights of a model, the effective weights as autograd leaves.

Nothing about masks happens inside forward or backward. Around an optimiser step:
before: the gradient of a score is (gradient of the effective weight) x (old weight), the
straight-through estimator of Piggyback; after: own entries keep their step, old entries become
old weight x [picked], free entries become exactly zero. `before_step` and `restore` do
this around any optimiser; the training loop does both and its optimisers' steps in one walk.
"""

from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from lifelong.masks.layers import dense, free_parameters, head_parameters, load_dense, shareable
from lifelong.masks.model import Model, fresh_network, tensors
from lifelong.masks.pick import SCORE_START, picked
from lifelong.masks.prune import cut
from lifelong.masks.shard import Arrays, Part, Shard
from lifelong.nets import copy_into, placed
from lifelong.plan.card import Card


class Layer:
    """The masks of one shareable layer; 0/1 masks are float, so that a step only multiplies."""

    def __init__(self, weight: Tensor, owners: Tensor, old: Tensor) -> None:
        self.weight = weight
        self.own = torch.empty_like(weight).copy_(owners == 0)
        self.is_old = owners > 0
        kept = old * self.is_old  # free entries of a ground have values too, to start from
        self.old = torch.empty_like(weight).copy_(kept) if bool(self.is_old.any()) else None
        self.score: Tensor | None = None
        self.fixed = self.old
        self.whole = self.old is None  # owns every entry: nothing to restore after a step
        self.older = int(self.is_old.count_nonzero())

    def capacity(self) -> Tensor:
        """Flat mask over the entries no older task owns."""
        return ~self.is_old.reshape(-1)

    def all_scores(self) -> Tensor:
        """The scores in the shape of the weight, also where none are being trained."""
        return torch.full_like(self.weight, SCORE_START) if self.score is None else self.score

    def of_old(self, values: Tensor) -> np.ndarray:
        """The values at the entries of older tasks, (older,), of a tensor like the weight."""
        return values.detach().cpu().reshape(-1)[self.is_old.cpu().reshape(-1)].numpy()


class Learner:
    """A task's network with the masks that say what may change.

    `model` holds the older tasks; `width` is the width to learn at. All free entries are claimed:
    released ones start from zero or from pretrained weights where there are any, those that
    widening added from a fresh initialisation, norms and biases from the previous task's (as CPG
    does). With `still_norms` these stay what the first task made of them (as in Piggyback). With
    `fresh_start` released weights start as new ones do, not from zero.
    """

    def __init__(
        self,
        model: Model,
        card: Card,
        seed: int,
        device: str = "cpu",
        still_norms: bool = False,
        fresh_start: bool = False,
    ) -> None:
        self.card = card
        self.network = fresh_network(card, seed)
        layers = shareable(self.network)
        model.widen({name: tuple(layer.weight.shape) for name, layer in layers.items()}, card)
        if model.newest is not None:
            self._inherit(model, model.newest, fresh_start)
        self.network = placed(self.network, device)
        self.layers = {
            name: Layer(
                layer.weight,
                torch.from_numpy(model.owners[name]).to(device),
                torch.from_numpy(model.weights[name]).to(device),
            )
            for name, layer in layers.items()
        }
        self.still = still_norms and model.newest is not None
        if self.still:
            self.network.hold_norms()
        self.version = 0  # goes up when layers get other tensors, or may change in another way
        self.restore()

    def _inherit(self, model: Model, before: Part, fresh_start: bool) -> None:
        grown = model.growth(before.card)
        own = tensors(model.dense_of(before))
        load_dense(self.network, own, head=False, growth=grown)
        for name, layer in shareable(self.network).items():
            if fresh_start:
                owned = torch.from_numpy(model.owners[name] > 0)
                layer.weight.data[owned] = torch.from_numpy(model.weights[name])[owned]
                continue
            block = grown.block(name, before.shapes[name])
            copy_into(layer.weight.data, torch.from_numpy(model.weights[name][block]), block)

    def load(self, shard: Shard, head: bool = True) -> None:
        """Take over the weights, owners, scores and own tensors of a working file."""
        for name, layer in self.layers.items():
            device = layer.weight.device
            mask, flat = layer.capacity().cpu(), torch.zeros(layer.weight.numel())
            owned = torch.from_numpy(shard.owned[name])
            positions = mask.nonzero().squeeze(1)[owned]
            flat[positions] = torch.from_numpy(shard.values[name])
            own = torch.zeros_like(flat)
            own[positions] = 1.0
            layer.weight.data.copy_(flat.view(layer.weight.shape).to(device))
            layer.own.copy_(own.view(layer.weight.shape).to(device))
            layer.whole = layer.old is None and bool(owned.all())
            if shard.scores is not None and layer.old is not None:
                self._set_scores(layer, torch.from_numpy(shard.scores[name]))
        load_dense(self.network, tensors(shard.dense), head=head)
        self.freeze_scores()

    @staticmethod
    def _set_scores(layer: Layer, values: Tensor) -> None:
        flat = torch.full((layer.weight.numel(),), SCORE_START)
        flat[layer.is_old.reshape(-1).cpu()] = values
        layer.score = torch.empty_like(layer.weight).detach()
        layer.score.copy_(flat.view(layer.weight.shape))

    def start_scores(self) -> list[Tensor]:
        """Make the picking masks trainable; returns the scores for an optimiser to step."""
        for layer in self.layers.values():
            if layer.old is not None and layer.score is None:
                layer.score = torch.full_like(layer.weight, SCORE_START).detach()
            layer.fixed = None if layer.score is not None else layer.old
        self.version += 1
        self.restore()
        return self.scores()

    def scores(self) -> list[Tensor]:
        return [layer.score for layer in self.layers.values() if layer.score is not None]

    @torch.no_grad()
    def freeze_scores(self) -> None:
        """From now on the picks stay as they are."""
        for layer in self.layers.values():
            if layer.score is not None and layer.old is not None:
                layer.fixed = layer.old * picked(layer.score)
        self.version += 1
        self.restore()

    def weights(self) -> list[Tensor]:
        """The effective weights; weight decay acts on these and on no other parameter."""
        return [layer.weight for layer in self.layers.values()]

    def others(self) -> list[Tensor]:
        """Norms, biases and the head, or the head alone."""
        return head_parameters(self.network) if self.still else free_parameters(self.network)

    @torch.no_grad()
    def before_step(self) -> None:
        """Give live scores their gradients."""
        for layer in self.layers.values():
            if layer.fixed is None and layer.score is not None:
                assert layer.weight.grad is not None and layer.old is not None
                layer.score.grad = layer.weight.grad * layer.old

    @torch.no_grad()
    def restore(self) -> None:
        """After an optimiser step: only own entries have moved."""
        for layer in self.layers.values():
            if layer.whole:
                continue
            layer.weight.mul_(layer.own)
            if layer.fixed is not None:
                layer.weight.add_(layer.fixed)
            elif layer.score is not None and layer.old is not None:
                layer.weight.add_(layer.old * picked(layer.score))

    @torch.no_grad()
    def prune_to(self, ratio: float) -> None:
        """Release the smallest own weights of every layer until `ratio` of its capacity is free."""
        for layer in self.layers.values():
            threshold = cut((layer.weight * layer.own).abs(), ratio, layer.older)
            if threshold is not None:
                layer.own.mul_(layer.weight.abs() > threshold)
                self.version += layer.whole
                layer.whole = False
        self.restore()

    def state(self) -> dict[str, Tensor]:
        """All that changes while learning, by name; the tensors themselves, not copies."""
        state = {f"network/{k}": v for k, v in self.network.state_dict().items()}
        for name, layer in self.layers.items():
            state[f"own/{name}"] = layer.own
            if layer.score is not None:
                state[f"score/{name}"] = layer.score
        return state

    @torch.no_grad()
    def load_state(self, saved: dict[str, Tensor]) -> None:
        """Put back what `state` gave; scores come back as trainable as they are now."""
        for name, tensor in self.state().items():
            tensor.copy_(saved[name])
        for layer in self.layers.values():
            layer.whole = layer.old is None and bool(layer.own.all())
            if layer.fixed is not None and layer.score is not None and layer.old is not None:
                layer.fixed = layer.old * picked(layer.score)
        self.version += 1

    def counts(self) -> dict[str, int]:
        """Weights owned, free, picked and in all, at this width."""
        total = sum(layer.weight.numel() for layer in self.layers.values())
        owned = sum(int(layer.own.count_nonzero()) for layer in self.layers.values())
        old = sum(layer.older for layer in self.layers.values())
        return {
            "owned": owned,
            "free": total - old - owned,
            "picked": sum(int(p.sum()) for p in self._picks().values()) if old else 0,
            "total": total,
        }

    def shard(self, with_scores: bool = False) -> Shard:
        """What the task brings, as it is now. Working files carry scores instead of picks."""
        owned, values = {}, {}
        for name, layer in self.layers.items():
            inside = layer.capacity()
            owned_here = layer.own.reshape(-1)[inside].bool()
            owned[name] = owned_here.cpu().numpy()
            flat = layer.weight.detach().reshape(-1)[inside]
            values[name] = flat[owned_here].cpu().numpy()
        picking = any(layer.score is not None for layer in self.layers.values())
        return Shard(
            card=self.card,
            shapes={name: tuple(layer.weight.shape) for name, layer in self.layers.items()},
            values=values,
            owned=owned,
            picks=self._picks() if picking and not with_scores else None,
            dense={name: array(tensor) for name, tensor in dense(self.network).items()},
            scores=self._old_scores() if picking and with_scores else None,
        )

    @torch.no_grad()
    def set_own(self, values: Arrays) -> None:
        """Replace the own weights, given as a shard has them."""
        for name, layer in self.layers.items():
            weight = layer.weight.detach().cpu().reshape(-1).clone()
            weight[layer.own.cpu().reshape(-1).bool()] = torch.from_numpy(values[name])
            layer.weight.data.copy_(weight.view(layer.weight.shape))

    def working(self) -> Shard:
        """What another stage goes on with: scores instead of picks."""
        return self.shard(with_scores=True)

    def rung(self) -> Shard:
        """A working file whose picks are those of the file it was pruned from."""
        return replace(self.shard(), picks=None)

    def _picks(self) -> Arrays:
        return {name: one.of_old(picked(one.all_scores())) for name, one in self.layers.items()}

    def _old_scores(self) -> Arrays:
        return {name: one.of_old(one.all_scores()) for name, one in self.layers.items()}


def array(tensor: Tensor) -> np.ndarray:
    return tensor.detach().cpu().contiguous().numpy().copy()
