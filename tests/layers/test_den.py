"""DEN's phases, and what older tasks may notice of them."""

import pytest
import torch
from torch.nn import functional
from toy_layers import add, images, new_learner, new_model, snapshot, stepped

from lifelong.layers.growing import layers_of, logits_of, plant, seen_by, start_units
from lifelong.methods.den import CROSS_ENTROPY, SEEN, ExpandingLearner

FEW = {"units": 2}


def learned(tasks: int = 1, **den: float):
    model = new_model("den")
    for _ in range(tasks):
        learner = new_learner("den", model, den={**FEW, **den})
        stepped(learner, seed=learner.card.position)
        add(model, learner)
    return model


def in_phase(name: str, model=None, steps: int = 0, **den: float) -> ExpandingLearner:
    """A second task that has come to a phase, with some steps in each before."""
    learner = new_learner("den", learned() if model is None else model, den={**FEW, **den})
    while learner.phase != name:
        stepped(learner, steps, seed=7)
        learner = learner.following({CROSS_ENTROPY: 1.0})
    return learner


def same(one: dict, other: dict, names) -> bool:
    return all(torch.equal(one[name], other[name]) for name in names)


def test_a_task_sees_the_units_that_it_was_learned_with():
    model = learned()
    card, x = model.cards[0], images()
    small, large = layers_of(card, [8, 8, 16]), layers_of(card, [9, 11, 20])
    grown = start_units(large, torch.Generator().manual_seed(3))
    plant(grown, large[:-1], model.tensors, small[:-1])
    grown |= {name: model.tensors[name] for name in model.tensors if name.startswith("t001.")}
    cut = seen_by(grown, card)
    assert same(cut, model.tensors, model.tensors)
    with torch.no_grad():
        found = logits_of(x, card.stack, [layer.filter(cut) for layer in small])
        assert torch.equal(found, model.view(1)(x))


def test_the_first_task_is_learned_in_one_phase():
    learner = new_learner("den")
    assert (learner.phase, learner.part.share, learner.part.steady) == ("first", 1.0, True)
    before = snapshot(learner)
    stepped(learner)
    assert not any(torch.equal(before[name], learner.state()[name]) for name in before)
    assert learner.following({CROSS_ENTROPY: 1.0}) is None


def test_phases_follow_each_other_with_their_shares():
    found, learner = [], new_learner("den", learned(), den={**FEW, "split_conv": 1.0})
    while learner is not None:
        found.append((learner.phase, learner.part.share, learner.widths))
        stepped(learner)
        learner = learner.following({CROSS_ENTROPY: 1.0})
    assert found[:3] == [
        ("output", 0.1, [8, 8, 16]),
        ("selected", 0.3, [8, 8, 16]),
        ("added", 0.3, [10, 10, 18]),
    ]
    assert found[3][:2] == ("split", 0.3) and found[3][2] == [12, 12, 18]  # two a convolution
    assert len(found) == 4


@pytest.mark.parametrize(("loss", "grows"), [(0.01, True), (0.02, True), (0.0099, False)])
def test_layers_grow_where_the_loss_stays_high(loss, grows):
    learner = in_phase("selected", split_conv=-1.0, split_dense=-1.0)
    after = learner.following({CROSS_ENTROPY: loss})
    assert (after is not None) == grows
    if grows:
        assert after.phase == "added" and after.widths == [10, 10, 18]


def test_the_output_phase_trains_the_classes_alone():
    learner = new_learner("den", learned())
    before = snapshot(learner)
    stepped(learner, 5)
    common = [name for name in before if name.startswith("shared.")]
    assert len(common) == 6 and same(before, learner.state(), common)
    assert not torch.equal(before["t002.head.1.weight"], learner.state()["t002.head.1.weight"])
    assert learner.older(1) is None


def test_only_selected_units_are_trained_then():
    """Of the last hidden layer classes use 3 and 5; of the layer below these see maps 1 and 2."""
    learner = new_learner("den", learned())
    with torch.no_grad():
        kept = torch.tensor([3, 5])
        head = learner.tensors["t002.head.1.weight"]
        head.copy_(torch.zeros_like(head).index_copy(1, kept, torch.ones(3, 2)))
        rows = learner.tensors["shared.head.0.weight"].view(16, 8, 4)
        rows[3, [0, *range(2, 8)]] = 0
        rows[5, [0, 1, *range(3, 8)]] = 0
    after = learner.following({CROSS_ENTROPY: 1.0})
    assert after.card.facts["selected"] == [list(range(8)), [1, 2], [3, 5]]
    before = snapshot(after)
    stepped(after, 5)
    moved = {name: before[name] != after.state()[name] for name in before if name != SEEN}
    assert moved["shared.0.weight"].all() and moved["shared.0.bias"].all()
    units = moved["shared.1.weight"].flatten(1)
    assert units[[1, 2]].all() and int(units.sum()) == 2 * 8 * 9
    assert moved["shared.1.bias"].nonzero().flatten().tolist() == [1, 2]
    dense = moved["shared.head.0.weight"].view(16, 8, 4)
    assert dense[3][[1, 2]].all() and int(dense.sum()) == 2 * 2 * 4
    classes = moved["t002.head.1.weight"]
    assert classes[:, [3, 5]].all() and int(classes.sum()) == 6
    assert moved["t002.head.1.bias"].all()


def test_added_units_are_trained_and_nothing_else():
    learner = in_phase("added", steps=2)
    old, before = learner.old, snapshot(learner)
    stepped(learner, 5)
    for layer, count, below in zip(learner.layers, [*old, 3], [1, *old], strict=True):
        was, now = layer.by_unit(before), layer.by_unit(learner.state())
        assert torch.equal(was[:count, :below], now[:count, :below]), layer.name
        assert (was[count:] != now[count:]).any() or layer.units == count
        assert (was[:, below:] != now[:, below:]).any() or layer.below == below
        name = f"{layer.name}.bias"
        assert torch.equal(before[name][:count], learner.state()[name][:count])
    assert learner.older(1) is None


def test_what_is_added_is_invisible_to_older_tasks():
    """Old units were frozen in this phase, so the only change came before it."""
    model, x = learned(), images()
    learner = in_phase("added", model, steps=0)
    stepped(learner, 5)
    with torch.no_grad():
        before = model.view(1)(x)
        add(model, learner)
        assert model.cards[1].facts["widths"] != model.cards[0].facts["widths"]
        assert torch.equal(model.view(1)(x), before)


def test_added_units_that_shrank_to_nothing_are_not_kept():
    learner, x = in_phase("added"), images()
    with torch.no_grad():
        for name in ("weight", "bias"):
            learner.tensors[f"shared.1.{name}"][8] = 0
    card, tensors = learner.commit("SS")
    assert card.facts == {"widths": [10, 9, 18]}
    assert tensors["shared.1.weight"].shape == (9, 10, 3, 3)
    assert tensors["shared.head.0.weight"].shape == (18, 9 * 4)
    layers = layers_of(card, [10, 9, 18])
    with torch.no_grad():
        found = logits_of(x, card.stack, [layer.filter(tensors) for layer in layers])
        assert torch.allclose(found, learner.network(x), atol=1e-5)


def test_a_strong_group_penalty_takes_every_new_unit_away():
    learner = in_phase("added", group_lasso=1000.0)
    stepped(learner)
    assert learner.commit("SS")[0].facts == {"widths": [8, 8, 16]}


def test_a_unit_that_moved_far_is_split_into_what_it_was_and_what_it_became():
    model = learned()
    learner = in_phase("selected", model, split_dense=-1.0, loss_threshold=9.0)
    with torch.no_grad():
        learner.tensors["shared.1.weight"][4].neg_()
        learner.tensors["shared.1.bias"][4] += 1
        drifted_row = learner.tensors["shared.1.weight"][4].clone()
    after = learner.following({CROSS_ENTROPY: 0.5})
    assert after.phase == "split" and after.widths == [8, 9, 16]
    now, was = after.tensors, model.tensors
    assert torch.equal(now["shared.1.weight"][4], was["shared.1.weight"][4])
    assert torch.equal(now["shared.1.weight"][8], drifted_row)
    assert now["shared.1.bias"][4] == was["shared.1.bias"][4] == now["shared.1.bias"][8] - 1
    above = now["shared.head.0.weight"].view(16, 9, 4)
    assert torch.equal(above[:, :8].reshape(16, 32), was["shared.head.0.weight"])
    assert not above[:, 8].any()  # all units above are seen by the older task
    x = images()
    with torch.no_grad():
        assert torch.equal(after.older(1)(x), model.view(1)(x))


def test_a_unit_that_older_tasks_see_gets_nothing_from_newer_ones_when_restored():
    learner = in_phase("added", split_dense=-1.0)
    with torch.no_grad():
        learner.tensors["shared.1.weight"][4].neg_()
    after = learner.following({CROSS_ENTROPY: 0.5})
    row, copy = after.tensors["shared.1.weight"][4], after.tensors["shared.1.weight"][10]
    assert not row[8:].any() and copy[8:10].any()


def test_the_drift_penalty_is_half_the_squared_distance():
    """One weight by 3 and one bias by 4: 0.5 / 2 x 25; what is new has nothing to be near to."""
    learner = in_phase("split", steps=2, split_conv=1.0)
    x, y = images(), torch.arange(12) % 3
    old = layers_of(learner.card, learner.old)
    with torch.no_grad():
        plant(learner.tensors, learner.layers, learner.model.tensors, old)
        learner.tensors["shared.0.weight"][0, 0, 0, 0] += 3
        learner.tensors["shared.head.0.bias"][1] += 4
        learner.tensors["shared.0.weight"][8:] += 9
    loss, found = learner.objective(x, y, torch.Generator())
    assert (loss - functional.cross_entropy(found, y)).item() == pytest.approx(6.25, rel=1e-4)


def test_every_step_takes_its_part_of_weights_and_none_of_biases():
    learner = new_learner("den", den={"l1": 0.1})
    before = snapshot(learner)
    learner.after_step(0.01)
    for name, was in before.items():
        now = learner.state()[name]
        if name.endswith("weight"):
            expected = was.sign() * (was.abs() - 0.1).clamp_min(0)
            assert torch.allclose(now, expected, atol=1e-7) and (now == 0).any()
        else:
            assert torch.equal(now, was)


def test_weights_decay_where_they_are_trained():
    """l2 / 2 times the sum of squares, of weights only."""
    learner = new_learner("den", den={"l2": 0.2})
    x, y = images(), torch.arange(12) % 3
    loss, found = learner.objective(x, y, torch.Generator())
    weights = [tensor for name, tensor in learner.tensors.items() if name.endswith("weight")]
    expected = 0.1 * sum(float(weight.detach().square().sum()) for weight in weights)
    assert (loss - functional.cross_entropy(found, y)).item() == pytest.approx(expected, rel=1e-4)


def test_the_cross_entropy_of_an_epoch_is_without_penalties():
    learner = new_learner("den", den={"l2": 10.0})
    step, x, y = stepped(learner, 0), images(), torch.arange(12) % 3
    with torch.no_grad():
        expected = float(functional.cross_entropy(learner.network(x), y))
    step(x, y)
    assert learner.epoch_facts()[CROSS_ENTROPY] == pytest.approx(expected, rel=1e-5)
    assert not learner.tensors[SEEN].any()


@pytest.mark.parametrize("phase", ["output", "selected", "added", "split"])
def test_a_phase_begins_again_from_its_card_and_state(phase):
    model, x = learned(), images()
    learner = in_phase(phase, model, steps=2, split_conv=1.0)
    again = new_learner("den", model, den={**FEW, "split_conv": 1.0}, facts=learner.card.facts)
    assert set(again.state()) == set(learner.state())
    again.load_state(snapshot(learner))
    assert again.part == learner.part and again.card == learner.card
    for one in (learner, again):
        stepped(one, 2)
    assert same(again.state(), learner.state(), learner.state())
    with torch.no_grad():
        assert torch.equal(again.network(x), learner.network(x))


def test_three_tasks_keep_their_own_widths():
    model, x = new_model("den"), images()
    for _ in range(3):
        learner = new_learner("den", model, den={**FEW, "group_lasso": 0.0})
        while (after := learner.following({CROSS_ENTROPY: 1.0})) is not None:
            learner = after
        add(model, learner)
        with torch.no_grad():
            assert torch.equal(model.view(len(model.cards))(x), learner.network(x))
    assert [card.facts["widths"][0] for card in model.cards] == [8, 10, 12]
    assert model.tensors["shared.0.weight"].shape[0] == 12
    assert model.tensors["t002.head.1.weight"].shape == (3, 18)
