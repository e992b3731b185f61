"""Shared filters with additions: what holds older tasks, what is dropped, what groups share."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional
from toy_layers import add, images, new_learner, new_model, snapshot, stepped

from lifelong.layers.learner import Fact
from lifelong.layers.model import LayerModel
from lifelong.layers.sparse import packed, unpacked
from lifelong.methods.apd import Decomposition, grouped
from lifelong.nets.conv_stack import features, head
from lifelong.optim.optimisers import Adam
from lifelong.optim.rmsprop import RMSProp

Y = torch.arange(12) % 3


def decomposition(model=None, **settings) -> Decomposition:
    found = new_learner("apd", model, dropout=0.0, apd=settings)
    assert isinstance(found, Decomposition)
    return found


def learned(tasks: int, steps: int = 3, rate: float = 0.01, **settings) -> LayerModel:
    model = new_model("apd")
    for position in range(1, tasks + 1):
        learner = decomposition(model, **settings)
        stepped(learner, steps, rate, seed=position)
        add(model, learner)
    return model


def extra_of(model: LayerModel, position: int, layer: int) -> torch.Tensor:
    name = f"t00{position}.extra.{layer}"
    parts = {part: model.tensors[f"{name}.{part}"] for part in ("values", "bits")}
    return unpacked(parts, ((8, 1, 3, 3), (8, 8, 3, 3))[layer])


def plain_logits(tensors, own: str, extras, x: torch.Tensor) -> torch.Tensor:
    """As the paper writes it: shared x sigmoid(mask of a channel) + addition."""
    filters, layers = [], []
    for layer in range(2):
        scale = torch.sigmoid(tensors[f"{own}mask.{layer}"]).view(8, 1, 1, 1)
        weight = tensors[f"shared.{layer}.weight"] * scale + extras[layer]
        filters.append((weight, tensors[f"{own}bias.{layer}"]))
        name = f"{own}head.{layer}"
        layers.append((tensors[f"{name}.weight"], tensors[f"{name}.bias"]))
    maps = x
    for weight, bias in filters:
        maps = functional.max_pool2d(functional.conv2d(maps, weight, bias, padding=1).relu(), 2)
    return head(maps.flatten(1), layers)


@given(st.lists(st.sampled_from([0.0, -0.0, 1.5, -2.0, 1e-30]), max_size=40))
def test_what_is_packed_comes_back_and_holds_no_zero(values):
    tensor = torch.tensor(values).reshape(1, -1)
    found = packed(tensor)
    assert torch.equal(unpacked(found, tensor.shape), tensor)
    assert len(found["values"]) == np.count_nonzero(values) and found["values"].all()
    assert len(found["bits"]) == -(-len(values) // 8)


def test_a_tasks_addition_starts_as_the_shared_weight():
    learner = decomposition()
    for layer in range(2):
        shared = learner.tensors[f"shared.{layer}.weight"]
        assert torch.equal(learner.tensors[f"t001.extra.{layer}"], shared)
        assert learner.tensors[f"t001.mask.{layer}"].shape == (8,)
    extras = [learner.tensors[f"t001.extra.{layer}"].detach().clone() for layer in range(2)]
    extras = [torch.where(extra.abs() > 4e-4, extra, 0.0) for extra in extras]
    x = images()
    expected = plain_logits(learner.tensors, "t001.", extras, x)
    torch.testing.assert_close(learner.network(x), expected, rtol=1e-5, atol=1e-6)
    second = decomposition(learned(1))
    assert torch.equal(second.tensors["t002.extra.1"], second.tensors["shared.1.weight"])


def test_the_loss_of_a_first_task_by_hand():
    learner = decomposition(l1=0.01, weight_decay=0.1, drift=7.0)
    t, x = learner.tensors, images()
    extras = [t["t001.extra.0"], t["t001.extra.1"]]
    expected = functional.cross_entropy(plain_logits(t, "t001.", extras, x), Y)
    for layer in range(2):
        extra, mask = t[f"t001.extra.{layer}"], t[f"t001.mask.{layer}"]
        expected = expected + 0.01 * extra.abs().sum()
        for tensor in (extra, mask, t[f"shared.{layer}.weight"]):
            expected = expected + 0.1 * (tensor**2).sum() / 2
    loss, _ = learner.objective(x, Y, torch.Generator())
    assert loss.item() == pytest.approx(expected.item(), rel=1e-5)


def test_the_loss_of_a_later_task_by_hand():
    model = learned(2)
    learner = decomposition(model, l1=0.01, weight_decay=0.1, drift=7.0)
    x, before = images(), model.tensors
    with torch.no_grad():
        for name, tensor in learner.tensors.items():
            if name.startswith(("shared.", "older.")):
                tensor += 0.01 * torch.randn(
                    tensor.shape, generator=torch.Generator().manual_seed(3)
                )
    t = learner.tensors
    extras = [t["t003.extra.0"], t["t003.extra.1"]]
    expected = functional.cross_entropy(plain_logits(t, "t003.", extras, x), Y)
    for layer in range(2):
        extra, mask = t[f"t003.extra.{layer}"], t[f"t003.mask.{layer}"]
        expected = expected + 0.01 * extra.abs().sum()
        expected = expected + 0.1 * ((extra**2).sum() + (mask**2).sum()) / 2
        for older in (1, 2):
            scale = torch.sigmoid(before[f"t00{older}.mask.{layer}"]).view(8, 1, 1, 1)
            was = before[f"shared.{layer}.weight"] * scale + extra_of(model, older, layer)
            addition = t[f"older.{layer}"][older - 1]
            now = t[f"shared.{layer}.weight"] * scale + addition
            expected = expected + 7.0 / 2 * ((now - was) ** 2).sum() + 0.01 * addition.abs().sum()
    loss, _ = learner.objective(x, Y, torch.Generator())
    assert loss.item() == pytest.approx(expected.item(), rel=1e-5)


def drift_of(model: LayerModel, learner: Decomposition, layer: int) -> float:
    scale = torch.sigmoid(model.tensors[f"t001.mask.{layer}"]).view(8, 1, 1, 1)
    moved = learner.tensors[f"shared.{layer}.weight"] - model.tensors[f"shared.{layer}.weight"]
    addition = learner.tensors[f"older.{layer}"][0] - extra_of(model, 1, layer)
    return float((moved * scale + addition).detach().square().sum().sqrt())


def test_older_additions_make_up_for_what_the_shared_weights_do():
    found = {}
    for drift in (0.0, 1.0):
        model = learned(1, 20)
        learner = decomposition(model, drift=drift)
        start = snapshot(learner)
        stepped(learner, 300, rate=1e-3, seed=2)
        found[drift] = sum(drift_of(model, learner, layer) for layer in range(2))
        moved = learner.tensors["shared.1.weight"].detach() - start["shared.1.weight"]
    assert moved.norm() > 0.3 and found[1.0] < found[0.0] / 10


def test_a_task_writes_the_additions_of_all_and_nothing_else_of_older_ones():
    model = learned(2)
    learner = decomposition(model)
    stepped(learner, seed=3)
    names = add(model, learner)
    older = {name for name in names if name.startswith(("t001.", "t002."))}
    parts = ("values", "bits")
    assert older == {
        f"t00{p}.extra.{layer}.{part}" for p in (1, 2) for layer in range(2) for part in parts
    }
    assert {name for name in names if name.startswith("shared.")} == {
        "shared.0.weight", "shared.1.weight"
    }  # fmt: skip
    assert {name for name in names if name.startswith("t003.")} == {
        *(f"t003.{kind}.{layer}" for kind in ("mask", "bias") for layer in range(2)),
        *(f"t003.extra.{layer}.{part}" for layer in range(2) for part in parts),
        *(f"t003.head.{i}.{name}" for i in range(2) for name in ("weight", "bias")),
    }


def test_small_additions_are_dropped_from_the_shard_and_from_what_is_measured():
    model, learner = new_model("apd"), decomposition(l1=0.05)
    extra, x = learner.tensors["t001.extra.1"], images()
    small = extra.detach().abs() <= 0.05
    assert 0 < small.sum() < small.numel()
    before = learner.network(x)
    add(model, learner)
    kept = extra_of(model, 1, 1)
    assert not kept[small].any() and torch.equal(kept[~small], extra.detach()[~small])
    assert len(model.tensors["t001.extra.1.values"]) == int((~small).sum())
    torch.testing.assert_close(model.view(1)(x), before, rtol=1e-5, atol=1e-6)
    facts = learner.epoch_facts()
    assert facts[Fact("kept", 1)] == pytest.approx(float((~small).float().mean()))
    extra.data.mul_(100)  # nothing is small now
    assert not torch.allclose(learner.network(x), before)


def test_older_tasks_are_measured_as_they_would_be_committed():
    model, x = learned(3), images(seed=8)
    learner = decomposition(model)
    for position in (1, 2, 3):
        live = learner.older(position)
        torch.testing.assert_close(live(x), model.view(position)(x), rtol=1e-5, atol=1e-6)
    stepped(learner, 10, seed=4)
    live = [learner.older(position)(x) for position in (1, 2, 3)]
    before = model.view(1)(x)
    add(model, learner)
    for position, logits in enumerate(live, 1):
        torch.testing.assert_close(model.view(position)(x), logits, rtol=1e-5, atol=1e-6)
    assert not torch.equal(model.view(1)(x), before)


def test_groups_keep_the_middle_of_what_is_alike_by_hand():
    extras = [
        torch.tensor([[1.0, 0.0, 5.0]]),
        torch.tensor([[-3.0, 2.0, 0.5]]),
        torch.tensor([[1.25, 0.0, 4.0]]),
        torch.tensor([[-3.0, 2.5, 0.5]]),
        torch.tensor([[1.5, 0.25, 4.5]]),
        torch.tensor([[90.0, 90.0, 90.0]]),
    ]
    labels, common, left = grouped(extras, 3, 0.5, seed=0)
    assert labels == [0, 1, 0, 1, 0, -1]
    assert [one.tolist() for one in common] == [[[1.25, 0.125, 0.0]], [[-3.0, 2.25, 0.5]]]
    assert [one.tolist() for one in left] == [
        [[0.0, 0.0, 5.0]],
        [[0.0, 0.0, 0.0]],
        [[0.0, 0.0, 4.0]],
        [[0.0, 0.0, 0.0]],
        [[0.0, 0.0, 4.5]],
        [[90.0, 90.0, 90.0]],
    ]


def test_groups_of_equal_or_of_too_few_tasks():
    same = [torch.zeros(4)] * 3
    assert grouped(same, 2, 0.1, seed=0)[0] == [0, 0, 0]
    different = [torch.eye(2)[0] * 9, torch.eye(2)[1] * 9]
    labels, common, left = grouped(different, 4, 0.1, seed=0)
    assert labels == [-1, -1] and common == []
    assert all(torch.equal(a, b) for a, b in zip(left, different, strict=True))


@pytest.mark.parametrize("gap", [0.0, 0.02])
def test_every_so_many_tasks_additions_move_to_groups_and_filters_stay(gap):
    settings = {"cluster_every": 2, "clusters": 1, "gap": gap, "l1": 1e-6}
    model = learned(1, **settings)
    assert "groups" not in model.cards[0].facts
    second = decomposition(model, **settings)
    stepped(second, seed=2)
    whole = [
        [
            second.tensors[f"older.{layer}"][0].detach(),
            second.tensors[f"t002.extra.{layer}"].detach(),
        ]
        for layer in range(2)
    ]
    names = add(model, second)
    assert model.cards[1].facts["groups"] == [[0, 0], [0, 0]]
    assert {f"shared.group.0.{layer}.values" for layer in range(2)} <= names
    for layer in range(2):
        parts = {p: model.tensors[f"shared.group.0.{layer}.{p}"] for p in ("values", "bits")}
        common = unpacked(parts, whole[layer][0].shape)
        assert gap == 0 or common.count_nonzero() > 0
        for place in (0, 1):
            sum_ = common + extra_of(model, place + 1, layer)
            assert (sum_ - whole[layer][place]).abs().max() <= gap / 2 + 2e-6
            moved = common != 0
            assert not extra_of(model, place + 1, layer)[moved].any()


def test_later_tasks_keep_their_groups_until_the_next_look():
    settings = {"cluster_every": 2, "clusters": 1, "gap": 0.05}
    model, x = learned(2, **settings), images(seed=2)
    third = decomposition(model, **settings)
    for position in (1, 2):
        found = third.older(position)(x)
        torch.testing.assert_close(found, model.view(position)(x), rtol=1e-5, atol=1e-6)
    stepped(third, seed=3)
    live = [third.older(position)(x) for position in (1, 2)]
    names = add(model, third)
    assert not any(name.startswith("shared.group.") for name in names)
    for position, logits in enumerate(live, 1):
        torch.testing.assert_close(model.view(position)(x), logits, rtol=1e-5, atol=1e-6)


def test_a_group_that_is_gone_leaves_nothing():
    settings = {"cluster_every": 2, "clusters": 1, "gap": 10.0}
    model = learned(3, **settings)
    assert len(model.tensors["shared.group.0.1.values"])
    fourth = decomposition(model, **settings)
    fourth.tensors["t004.extra.0"].data.add_(50)
    for layer in range(2):  # nobody is like anybody
        fourth.tensors[f"older.{layer}"].data[1].add_(20)
        fourth.tensors[f"older.{layer}"].data[2].sub_(20)
        fourth.tensors[f"t004.extra.{layer}"].data.add_(50)
    fourth.settings = {**fourth.settings, "clusters": 2}
    whole = [fourth.older(position)(images()) for position in (1, 2, 3)]
    add(model, fourth, "SS")
    assert model.cards[3].facts["groups"] == [[-1] * 4] * 2
    assert not len(model.tensors["shared.group.0.1.values"])
    assert not model.tensors["shared.group.0.1.bits"].any()
    for position, logits in enumerate(whole, 1):
        torch.testing.assert_close(model.view(position)(images()), logits, rtol=1e-4, atol=1e-4)


def test_it_is_trained_as_its_authors_train_it_unless_the_configuration_says_otherwise():
    learner = decomposition()
    assert isinstance(stepped(learner).optimiser, Adam) and learner.gradient_scale == 10
    other = decomposition(optimiser="rmsprop", gradient_scale=1.0)
    assert isinstance(stepped(other).optimiser, RMSProp)


def test_gradients_are_scaled_before_the_optimiser_sees_them():
    """RMSProp's mean squares that begin at zero are 0.1 g^2 after one step."""
    squares = []
    for scale in (1.0, 10.0):
        learner = decomposition(optimiser="rmsprop", gradient_scale=scale, dropout=0.0)
        step = stepped(learner, 0)
        for square in step.optimiser.squares:
            square.zero_()
        step(images(), torch.arange(12) % 3)
        squares.append(step.optimiser.squares)
    for one, ten in zip(*squares, strict=True):
        assert torch.allclose(ten, 100 * one, rtol=1e-4)
    assert max(float(one.max()) for one in squares[0]) > 0


def test_the_released_program_masks_weight_by_weight_and_shares_biases():
    learner = new_learner("apd_repo", dropout=0.0, apd={"l1": 3.0})
    x, t = images(), learner.tensors
    filters = [
        (
            t[f"shared.{i}.weight"] * torch.sigmoid(t[f"t001.mask.{i}"]) + t[f"t001.extra.{i}"],
            t[f"shared.{i}.bias"],
        )
        for i in range(2)
    ]
    layers = [(t[f"t001.head.{i}.weight"], t[f"t001.head.{i}.bias"]) for i in range(2)]
    logits = head(features(x, learner.card.stack, filters), layers)
    torch.testing.assert_close(learner.network(x), logits)
    loss, _ = learner.objective(x, Y, torch.Generator())
    means = (t["t001.extra.0"].abs().mean() + t["t001.extra.1"].abs().mean()) / 2
    expected = functional.cross_entropy(logits, Y) + 3.0 * means
    assert loss.item() == pytest.approx(expected.item(), rel=1e-6)


def test_the_released_program_lets_older_tasks_drift():
    model, x = new_model("apd_repo"), images(seed=6)
    first = new_learner("apd_repo", model)
    stepped(first)
    add(model, first)
    before = model.view(1)(x)
    second = new_learner("apd_repo", model)
    assert torch.equal(second.older(1)(x), before)
    stepped(second, seed=2)
    live = second.older(1)(x)
    assert not torch.equal(live, before)
    names = add(model, second)
    assert not any(name.startswith("t001.") for name in names)
    assert torch.equal(model.view(1)(x), live)
