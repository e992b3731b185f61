"""The engine against the textbook form, and what may and may not move."""

import copy

import pytest
import torch
from torch.nn import functional
from toy import card_of, images_of, stepped

from lifelong.masks import Learner, Model
from lifelong.masks.pick import SCORE_START, THRESHOLD


class _Pick(torch.autograd.Function):
    """W x 1[R > threshold] with the straight-through gradient, as the papers write it."""

    @staticmethod
    def forward(ctx, weight, score):
        picked = (score > THRESHOLD).float()
        ctx.save_for_backward(weight, picked)
        return weight * picked

    @staticmethod
    def backward(ctx, gradient):
        weight, picked = ctx.saved_tensors
        return gradient * picked, gradient * weight


def half_owned(network: str = "small_cnn") -> Model:
    model = Model()
    first = stepped(Learner(model, card_of(1, network=network), seed=1))
    first.prune_to(0.5)
    model.add(first.shard())
    return model


def _textbook(learner: Learner, batches, decay: float, lr: float, mask_lr: float):
    """Train a copy of `learner` with masks inside autograd; returns its effective weights."""
    weights = {k: v.weight.detach().clone().requires_grad_() for k, v in learner.layers.items()}
    scores = {k: torch.full_like(w, SCORE_START).requires_grad_() for k, w in weights.items()}
    own = {k: v.own for k, v in learner.layers.items()}
    frozen = {k: w.detach().clone() for k, w in weights.items()}
    groups = [
        {"params": list(weights.values()), "weight_decay": decay},
        {"params": learner.others()},
    ]
    sgd = torch.optim.SGD(groups, lr=lr, momentum=0.9, nesterov=True, fused=True)
    adam = torch.optim.Adam(list(scores.values()), lr=mask_lr, fused=True)
    for x, y in batches:
        sgd.zero_grad()
        adam.zero_grad()
        effective = {f"body.{k}.weight": _Pick.apply(weights[k], scores[k]) for k in weights}
        found = torch.func.functional_call(learner.network, effective, (x,))
        functional.cross_entropy(found, y).backward()
        for name, layer in learner.layers.items():
            weights[name].grad *= own[name]
            scores[name].grad *= layer.is_old
        sgd.step()
        adam.step()
        with torch.no_grad():
            for name in weights:  # decay moved frozen entries: put them back
                weights[name].copy_(torch.where(own[name] > 0, weights[name], frozen[name]))
    return {k: (weights[k] * (scores[k] > THRESHOLD)).detach() for k in weights}


@pytest.mark.parametrize("network", ["small_cnn", "vgg16_bn", "spherenet20"])
def test_the_engine_is_the_textbook_form_bit_for_bit(network):
    ours = Learner(half_owned(network), card_of(2, network=network), seed=2)
    theirs = copy.deepcopy(ours)
    batches = [
        (
            images_of(ours.card, seed=i).contiguous(memory_format=torch.channels_last),
            torch.arange(8) % 3,
        )
        for i in range(25)
    ]
    expected = _textbook(theirs, batches, decay=1e-2, lr=0.05, mask_lr=2e-3)
    scores = ours.start_scores()
    groups = [{"params": ours.weights(), "weight_decay": 1e-2}, {"params": ours.others()}]
    sgd = torch.optim.SGD(groups, lr=0.05, momentum=0.9, nesterov=True, fused=True)
    adam = torch.optim.Adam(scores, lr=2e-3, fused=True)
    for x, y in batches:
        sgd.zero_grad()
        functional.cross_entropy(ours.network(x), y).backward()
        ours.before_step()
        sgd.step()
        adam.step()
        ours.restore()
    counts = ours.counts()
    assert 0 < counts["picked"] < counts["total"] - counts["owned"], "no mask entry has flipped"
    for name, layer in ours.layers.items():
        assert torch.equal(layer.weight.detach(), expected[name]), name


def test_a_first_task_owns_everything():
    learner = Learner(Model(), card_of(1), seed=1)
    counts = learner.counts()
    assert counts["owned"] == counts["total"] and counts["free"] == counts["picked"] == 0


def test_old_weights_survive_momentum_and_decay_bit_for_bit():
    model = half_owned()
    before = {name: weights.copy() for name, weights in model.weights.items()}
    learner = stepped(Learner(model, card_of(2), seed=2), steps=5)
    for name, layer in learner.layers.items():
        old = torch.from_numpy(model.owners[name] > 0)
        assert torch.equal(layer.weight.detach()[old], torch.from_numpy(before[name])[old])


def test_released_weights_are_zero_and_start_from_zero():
    model = half_owned()
    for name, owners in model.owners.items():
        assert (model.weights[name][owners == 0] == 0).all()
    learner = Learner(model, card_of(2), seed=2)
    for layer in learner.layers.values():
        assert (layer.weight.detach()[layer.own > 0] == 0).all()


@pytest.mark.parametrize("width", [1.0, 1.5])
def test_released_weights_may_start_anew(width):
    model = half_owned()
    card = card_of(2, width=width)
    zero = Learner(copy.deepcopy(model), card, seed=7)
    fresh = Learner(copy.deepcopy(model), card, seed=7, fresh_start=True)
    alone = Learner(Model(), card_of(1, width=width), seed=7)  # the same seed, nothing before it
    for name, layer in fresh.layers.items():
        free = ~layer.is_old
        assert torch.equal(layer.weight[free], alone.layers[name].weight[free])
        assert torch.equal(layer.weight[layer.is_old], zero.layers[name].weight[layer.is_old])


def test_held_norms_stay_and_the_head_learns():
    model = half_owned()
    learner = Learner(model, card_of(2), seed=2, still_norms=True)
    before = {name: tensor.clone() for name, tensor in learner.network.state_dict().items()}
    stepped(learner)
    changed = {
        name
        for name, tensor in learner.network.state_dict().items()
        if not torch.equal(tensor, before[name])
        and name.removesuffix(".weight") not in {f"body.{layer}" for layer in learner.layers}
    }
    assert changed == {"head.weight", "head.bias"}


def test_only_widened_entries_start_at_random():
    model = half_owned()
    small = {name: weights.shape for name, weights in model.weights.items()}
    learner = Learner(model, card_of(2, width=2.0), seed=2)
    for name, layer in learner.layers.items():
        block = tuple(slice(size) for size in small[name])
        outside = layer.weight.detach().clone()
        outside[block] = 0
        inside = layer.weight.detach()[block]
        free = torch.from_numpy(model.owners[name][block] == 0)
        assert (inside[free] == 0).all() and outside.abs().sum() > 0


def test_pruning_releases_the_smallest_own_weights_of_each_layer():
    learner = Learner(Model(), card_of(1), seed=1)
    before = {name: layer.weight.detach().abs().clone() for name, layer in learner.layers.items()}
    learner.prune_to(0.3)
    for name, layer in learner.layers.items():
        kept = layer.own > 0
        assert int((~kept).sum()) == round(0.3 * kept.numel())
        assert before[name][~kept].max() < before[name][kept].min()
        assert (layer.weight.detach()[~kept] == 0).all()


def test_pruning_counts_over_what_the_task_received():
    model = half_owned()
    learner = stepped(Learner(model, card_of(2), seed=2))
    learner.prune_to(0.5)
    learner.prune_to(0.75)
    for name, layer in learner.layers.items():
        capacity = int((model.owners[name] == 0).sum())
        assert int(layer.own.sum()) == capacity - round(0.75 * capacity)


def test_released_weights_do_not_come_back():
    learner = stepped(Learner(half_owned(), card_of(2), seed=2))
    learner.prune_to(0.6)
    released = {name: layer.own == 0 for name, layer in learner.layers.items()}
    stepped(learner)
    for name, layer in learner.layers.items():
        free = released[name] & ~layer.is_old
        assert (layer.weight.detach()[free] == 0).all()


def test_frozen_masks_give_what_live_ones_gave():
    learner = stepped(Learner(half_owned(), card_of(2), seed=2), pick=True, steps=12)
    live = {name: layer.weight.detach().clone() for name, layer in learner.layers.items()}
    learner.freeze_scores()
    for name, layer in learner.layers.items():
        assert torch.equal(layer.weight.detach(), live[name])


def test_a_working_file_restores_the_learner():
    model = half_owned()
    learner = stepped(Learner(model, card_of(2), seed=2), pick=True, steps=12)
    learner.prune_to(0.4)
    again = Learner(model, card_of(2), seed=99)
    again.load(learner.shard(with_scores=True))
    x = images_of(learner.card)
    with torch.no_grad():
        assert torch.equal(again.network.eval()(x), learner.network.eval()(x))
    assert again.counts() == learner.counts()


def test_a_task_that_owns_nothing_still_picks():
    model = Model()
    model.add(Learner(model, card_of(1), seed=1).shard())
    learner = stepped(Learner(model, card_of(2), seed=2), pick=True, steps=12)
    counts = learner.counts()
    assert counts["owned"] == 0 and 0 < counts["picked"] < counts["total"]
