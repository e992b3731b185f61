"""Picks by rank: the exact share of a layer, the steps of WSN's paper, and what a task leaves."""

import copy
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional

from lifelong.masks import Model, RankedLearner, Ranking
from lifelong.masks.ground import GROUND
from lifelong.masks.layers import flat
from lifelong.masks.pick import Cutoff, rank_of
from lifelong.masks.ranked import RankedLayer, spread
from lifelong.optim.phase import Phase
from lifelong.plan.card import Card
from lifelong.train.step import mask_step

CARD = Card(
    experiment="x",
    method="wsn",
    base="wsn",
    seed=0,
    position=1,
    task="a",
    classes=("p", "q", "r"),
    network="lenet",
    channels=0.2,
    in_channels=3,
    image_size=8,
    mean=(0.0,) * 3,
    std=(1.0,) * 3,
    lineage=(),
)
PHASE = Phase(1, lr=1e-3, mask_lr=1e-3, weight_decay=0.0, optimiser="adam")
GENERATOR = torch.Generator().manual_seed(1)
BATCHES = [
    (torch.randn(16, 3, 8, 8, generator=GENERATOR), torch.randint(3, (16,), generator=GENERATOR))
    for _ in range(6)
]


def learner(model=None, before=None, card=CARD, seed=1, **ranking) -> RankedLearner:
    ranking = Ranking(**{"density": 0.5, **ranking})
    return RankedLearner(model or Model(), card, seed, "cpu", ranking, before)


def trained(one: RankedLearner, phase: Phase = PHASE) -> RankedLearner:
    step = mask_step(one, phase)
    step.begin_epoch(phase, 0)
    for x, y in BATCHES:
        step(x, y)
    return one


def second_of(first: RankedLearner, **ranking) -> tuple[Model, RankedLearner]:
    model = Model()
    model.add(first.shard())
    card = replace(CARD, position=2, task="b", lineage=("0",))
    return model, learner(model, first.working(), card, seed=2, **ranking)


@pytest.mark.parametrize(("entries", "picked"), [(5, 3), (6, 4), (1, 1), (1500, 750)])
def test_half_of_a_layer_by_the_published_rank(entries, picked):
    """k = 1 + round(0.5 (n - 1)), halves to even: 1 + 2 of 5, 1 + 2 of 6; n - k + 1 are picked."""
    assert entries - rank_of(0.5, entries) + 1 == picked


@given(
    st.lists(st.lists(st.integers(0, 9), min_size=7, max_size=7), min_size=1, max_size=6),
    st.integers(1, 7),
)
def test_the_cutoff_is_exact_however_numbers_move(rows, rank):
    cutoff = Cutoff()
    for row in rows:
        numbers = torch.tensor(row, dtype=torch.float32)
        assert cutoff.find(numbers, rank) == sorted(row)[rank - 1]


def test_the_cutoff_is_exact_while_numbers_drift():
    random = np.random.RandomState(0)
    numbers, cutoff = random.rand(5000).astype(np.float32), Cutoff()
    for _ in range(50):
        numbers += random.normal(0, 1e-3, 5000).astype(np.float32)
        expected = np.sort(numbers)[2499]
        assert cutoff.find(torch.from_numpy(numbers.copy()), 2500) == expected


def reference(one: RankedLearner, free: dict[str, torch.Tensor]) -> dict[str, tuple]:
    """The paper's step with autograd: masks inside the forward pass, one Adam for everything."""
    network = copy.deepcopy(one.network)
    state = {n: (layer.value.clone(), layer.score.clone()) for n, layer in one.layers.items()}
    for pair in state.values():
        for tensor in pair:
            tensor.requires_grad_()
    head = [p.requires_grad_() for p in network.head.parameters()]
    adam = torch.optim.Adam([*head, *(t for pair in state.values() for t in pair)], lr=1e-3)

    def mask(name: str) -> torch.Tensor:
        score = state[name][1]
        sizes = score.detach().abs()
        cutoff = sizes.flatten().sort().values[rank_of(0.5, sizes.numel()) - 1]
        hard = (sizes >= cutoff).float()
        return hard + score.abs() - score.abs().detach()  # its gradient is that of |score|

    for x, y in BATCHES:
        adam.zero_grad()
        masked = {f"body.{n}.weight": state[n][0] * mask(n) for n in state}
        loss = functional.cross_entropy(torch.func.functional_call(network, masked, x), y)
        loss.backward()
        for name, (value, _) in state.items():
            value.grad *= free[name]
        adam.step()
    return {n: (v.detach(), s.detach(), mask(n).detach().round()) for n, (v, s) in state.items()}


@pytest.mark.parametrize("task", [1, 2])
def test_steps_are_those_of_the_paper(task):
    one = learner() if task == 1 else second_of(trained(learner()))[1]
    expected = reference(one, {name: layer.free for name, layer in one.layers.items()})
    trained(one)
    for name, layer in one.layers.items():
        value, score, mask = expected[name]
        torch.testing.assert_close(layer.value, value, rtol=1e-4, atol=1e-6)
        torch.testing.assert_close(layer.score, score, rtol=1e-4, atol=1e-6)
        assert (layer.mask != mask).float().mean() < 0.01  # ties of rounding
        assert torch.equal(layer.weight, layer.value * layer.mask)


def test_old_weights_never_move_and_free_ones_go_on_where_they_were():
    first = trained(learner())
    model, second = second_of(first)
    for name, layer in second.layers.items():
        assert torch.equal(layer.value, first.layers[name].value)
        assert torch.equal(layer.score, first.layers[name].score)
        assert torch.equal(layer.is_old, first.layers[name].own())
    before = {name: layer.value.clone() for name, layer in second.layers.items()}
    trained(second)
    moved = 0
    for name, layer in second.layers.items():
        assert torch.equal(layer.value[layer.is_old], before[name][layer.is_old])
        moved += int((layer.value != before[name]).sum())
    assert moved
    kept = {name: model.view(1).state_dict()[name] for name in model.view(1).state_dict()}
    model.add(second.shard())
    after = model.view(1).state_dict()
    assert all(torch.equal(kept[name], after[name]) for name in kept)


@pytest.mark.parametrize("scores", ["carried", "fresh"])
def test_a_view_is_what_was_learned(scores):
    first = trained(learner())
    model, second = second_of(first, fresh_scores=scores == "fresh")
    same = all(
        torch.equal(layer.score, first.layers[name].score) for name, layer in second.layers.items()
    )
    assert same == (scores == "carried")
    trained(second)
    model.add(second.shard())
    x = BATCHES[0][0]
    assert torch.equal(model.view(2)(x), second.network.eval()(x))
    counts = second.counts()
    assert counts["picked"] + counts["owned"] == pytest.approx(counts["total"] / 2, abs=4)


def test_a_working_file_holds_all_that_goes_on():
    one = trained(learner())
    again = learner(seed=9)
    again.load(one.working())
    for name, layer in one.layers.items():
        for part in ("value", "score", "mask", "weight"):
            assert torch.equal(getattr(again.layers[name], part), getattr(layer, part)), part


def test_stale_picks_are_those_of_the_last_step():
    one = learner(stale=True)
    step = mask_step(one, PHASE)
    step.begin_epoch(PHASE, 0)
    for x, y in BATCHES:
        scores = {name: layer.score.clone() for name, layer in one.layers.items()}
        step(x, y)
    for name, layer in one.layers.items():
        sizes = scores[name].abs().flatten()
        cutoff = sizes.sort().values[rank_of(0.5, sizes.numel()) - 1]
        assert torch.equal(layer.mask, (scores[name].abs() >= cutoff).float())
    best = {name: tensor.clone() for name, tensor in one.state().items()}
    masks = {name: layer.mask.clone() for name, layer in one.layers.items()}
    one.load_state(best)
    assert all(torch.equal(layer.mask, masks[name]) for name, layer in one.layers.items())


def test_frozen_picks_stay_while_weights_are_trained():
    one = learner()
    one.load(trained(learner()).working())
    masks = {name: layer.mask.clone() for name, layer in one.layers.items()}
    values = {name: layer.value.clone() for name, layer in one.layers.items()}
    trained(one, replace(PHASE, mask_lr=0.0))
    for name, layer in one.layers.items():
        assert torch.equal(layer.mask, masks[name])
        changed = layer.value != values[name]
        assert changed.any() and not (changed & (layer.mask == 0)).any()


def test_an_epoch_before_the_freeze_comes_back_with_the_picks_of_its_scores():
    one = learner()
    step = mask_step(one, PHASE)
    step.begin_epoch(PHASE, 0)
    for x, y in BATCHES[:2]:
        step(x, y)
    best = {name: tensor.clone() for name, tensor in one.state().items()}
    masks = {name: layer.mask.clone() for name, layer in one.layers.items()}
    for x, y in BATCHES[2:4]:
        step(x, y)
    step.freeze_picks()
    for x, y in BATCHES[4:]:
        step(x, y)
    assert any(not torch.equal(layer.mask, masks[name]) for name, layer in one.layers.items())
    one.load_state(best)
    for name, layer in one.layers.items():
        assert torch.equal(layer.mask, masks[name])
        assert torch.equal(layer.weight, best[f"value/{name}"] * masks[name])


def test_what_is_old_lies_where_the_weights_do():
    """Owners come from the CPU. On a GPU, as on this device without memory, nothing may mix."""
    weight = torch.empty(2, 3, device="meta")
    owners = torch.tensor([[0, 1, 0], [2, 0, 0]])
    layer = RankedLayer(weight, torch.zeros(2, 3), owners, torch.zeros(2, 3))
    assert layer.older == 2 and layer.own().device == weight.device


def test_ground_is_never_trained_and_comes_from_its_seed():
    card = replace(CARD, ground={"kind": "signed_constants", "seed": 5})
    model = Model()
    first = trained(learner(model, card=card))
    assert all((owners == GROUND).all() for owners in model.owners.values())
    assert first.counts()["owned"] == first.counts()["free"] == 0
    model = Model()
    model.add(first.shard())
    x = BATCHES[0][0]
    assert torch.equal(model.view(1)(x), first.network.eval()(x))
    for name, weights in model.weights.items():
        fan_in = np.prod(weights.shape[1:])
        assert np.allclose(np.abs(weights), np.sqrt(2 / fan_in))
        assert abs(np.sign(weights).mean()) < 4 / np.sqrt(weights.size), name
    other = replace(card, ground={"kind": "signed_constants", "seed": 6})
    assert any(
        not torch.equal(a.value, b.value)
        for a, b in zip(
            learner(card=card).layers.values(), learner(card=other).layers.values(), strict=True
        )
    )


def test_a_share_of_the_network_goes_where_scores_have_grown():
    """Scores count as multiples of 1 / sqrt(fan in), which they begin within."""
    one = learner(in_network=True, density=0.25)
    layers = list(one.layers.values())
    total = sum(layer.score.numel() for layer in layers)
    for layer in layers[1:]:
        layer.score.fill_(0.5 * spread(layer.weight))
    first = flat(layers[0].score)
    first.fill_(0.1 * spread(layers[0].weight))
    first[:5] = -0.6 * spread(layers[0].weight)
    one.prune_to(1 - 4 / (total - 1) / 0.25)  # the least one is the fifth from above
    assert [int(layer.mask.sum()) for layer in layers] == [5] + [0] * (len(layers) - 1)
    assert flat(layers[0].mask)[:5].all()


@given(st.floats(0.05, 1))
@settings(max_examples=20, deadline=None)
def test_a_share_of_the_network_is_exact(density):
    one = trained(learner(in_network=True, density=density))
    sizes = torch.cat(
        [flat(layer.score).abs() / spread(layer.weight) for layer in one.layers.values()]
    )
    cutoff = sizes.sort().values[rank_of(density, len(sizes)) - 1]
    picked = torch.cat([flat(layer.mask) for layer in one.layers.values()])
    assert torch.equal(picked > 0, sizes >= cutoff)
