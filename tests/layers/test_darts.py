"""Blends of shared and own layers: their weights' gradients, what they decide, what is kept."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional
from toy_layers import add, images, new_learner, new_model, snapshot, stepped

from lifelong.layers.learner import Fact
from lifelong.methods.darts import Mixture, _AlphaGradient
from lifelong.nets.conv_stack import features, head
from lifelong.train.layer_step import LayerStep

METHODS = ("darts_hps", "darts_dfcnn")
Y = torch.arange(12) % 3


def mixture(method: str = "darts_hps", **changes) -> Mixture:
    """With alphas that differ, and sure to be a mixture."""
    found = new_learner(method, **{"dropout": 0.0, **changes})
    assert isinstance(found, Mixture)
    alpha = found.tensors["alpha"]
    alpha.copy_(torch.linspace(-1, 2, alpha.numel()).view_as(alpha))
    return found


def in_double(learner: Mixture) -> Mixture:
    for name, tensor in learner.tensors.items():
        learner.tensors[name] = tensor.detach().double().requires_grad_(tensor.requires_grad)
    return learner


def loss_of(learner: Mixture, x: torch.Tensor, alpha: torch.Tensor, weights=None) -> torch.Tensor:
    tensors = {**learner.tensors, **(weights or {})}
    layers = [(tensors[f"t001.head.{i}.weight"], tensors[f"t001.head.{i}.bias"]) for i in range(2)]
    return functional.cross_entropy(head(learner.blended(x, tensors, alpha), layers), Y)


def test_a_layer_is_the_weighted_sum_of_both_kinds():
    learner = mixture()
    x, t, share = images(), learner.tensors, torch.softmax(learner.tensors["alpha"], 1)
    expected = x
    for layer in range(2):
        both = [
            functional.conv2d(
                expected, t[f"{kind}.{layer}.weight"], t[f"{kind}.{layer}.bias"], padding=1
            ).relu()
            for kind in ("t001.own", "shared")
        ]
        expected = share[layer, 0] * both[0] + share[layer, 1] * both[1]
        expected = functional.max_pool2d(expected, 2)
    found = learner.blended(x, t, t["alpha"])
    torch.testing.assert_close(found, expected.flatten(1), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("network", ["tiny_cnn2", "cifar_resnet17"])
def test_a_blend_of_equal_kinds_is_the_layer_itself(network):
    learner = mixture(network=network, channels=1 / 16, groups=[1] * 2 if "2" in network else None)
    depth = learner.card.stack.depth
    for layer in range(depth):
        for name in ("weight", "bias"):
            own = learner.tensors[f"t001.own.{layer}.{name}"]
            own.data.copy_(learner.tensors[f"shared.{layer}.{name}"])
    filters = [
        (learner.tensors[f"shared.{i}.weight"], learner.tensors[f"shared.{i}.bias"])
        for i in range(depth)
    ]
    x = images()
    found = learner.blended(x, learner.tensors, learner.tensors["alpha"])
    expected = features(x, learner.card.stack, filters)
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-6)


def test_the_first_order_gradient_is_that_of_the_loss():
    learner, x = in_double(mixture()), images().double()
    alpha, nudge = learner.tensors["alpha"], 1e-6
    found = _AlphaGradient(learner, x, Y, torch.ones(())).first()
    for place in range(alpha.numel()):
        change = torch.zeros_like(alpha)
        change.view(-1)[place] = nudge
        up, down = (loss_of(learner, x, alpha + s * change).item() for s in (1, -1))
        assert found.view(-1)[place].item() == pytest.approx((up - down) / 2 / nudge, abs=1e-8)


@pytest.mark.parametrize("method", METHODS)
def test_the_second_order_gradient_is_that_of_the_loss_after_a_step(method, monkeypatch):
    monkeypatch.setattr("lifelong.methods.darts._NUDGE", 1e-6)  # so that no ReLU bends between
    learner, x, rate = in_double(mixture(method)), images().double(), 0.5
    names = [name for name, tensor in learner.tensors.items() if tensor.requires_grad]
    weights = [learner.tensors[name] for name in names]
    alpha = learner.tensors["alpha"].clone().requires_grad_()
    slopes = torch.autograd.grad(loss_of(learner, x, alpha), weights, create_graph=True)
    ahead = {n: w - rate * g for n, w, g in zip(names, weights, slopes, strict=True)}
    expected = torch.autograd.grad(loss_of(learner, x, alpha, ahead), alpha)[0]
    batch = _AlphaGradient(learner, x, Y, torch.ones(()))
    found = batch.second_order(rate)
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-9)
    assert not torch.allclose(batch.first(), expected, rtol=0.03, atol=0)


def test_alpha_steps_before_the_filters_do():
    learner, rate = mixture(), 0.01
    start, x = snapshot(learner), images()
    slope = _AlphaGradient(learner, x, Y, torch.ones(())).first()
    step = LayerStep(learner, 0)
    step.rate = rate
    step(x, Y)
    alpha = start["alpha"] - rate * slope / (0.9 + 0.1 * slope**2 + 1e-10).sqrt()
    torch.testing.assert_close(learner.tensors["alpha"], alpha)
    torch.testing.assert_close(learner.tensors["alpha.square"], 0.9 + 0.1 * slope**2)
    weight = start["shared.0.weight"].requires_grad_()
    tensors = {**start, "shared.0.weight": weight}
    g = torch.autograd.grad(loss_of(learner, x, alpha, tensors), weight)[0]
    expected = weight.detach() - rate * g / (0.9 + 0.1 * g**2 + 1e-10).sqrt()
    torch.testing.assert_close(learner.tensors["shared.0.weight"].detach(), expected)


def best_of(learner: Mixture) -> str:
    scores = learner.patterns()
    return next(name for name, score in scores.items() if score == max(scores.values()))


@pytest.mark.parametrize(
    ("alphas", "pattern"),
    [
        ([[0, 0], [0, 0]], "--"),
        ([[0, 0], [0, 1]], "-S"),
        ([[0, 1], [2, 2]], "S-"),
        ([[0, 1e-30], [0, 0]], "S-"),  # whose weights are equal when rounded
        ([[-2, -1], [-1, -2]], "S-"),
    ],
)
def test_of_equal_weights_a_layer_is_the_tasks_own(alphas, pattern):
    learner = mixture()
    learner.tensors["alpha"].copy_(torch.tensor(alphas, dtype=torch.float32))
    assert learner.decided() == best_of(learner) == pattern
    assert set(learner.patterns()) == {"SS", "S-", "-S", "--"}


@given(st.lists(st.floats(-5, 5, width=16, allow_subnormal=False), min_size=8, max_size=8))
def test_select_takes_each_layers_larger_alpha(values):
    learner = mixture(network="cifar_cnn4", channels=1 / 32)
    learner.tensors["alpha"].copy_(torch.tensor(values).view(4, 2))
    larger = ["S" if shared > own else "-" for own, shared in learner.tensors["alpha"].tolist()]
    assert best_of(learner) == "".join(larger)
    assert sum(learner.patterns().values()) == pytest.approx(1)


def test_layers_of_a_group_have_one_alpha():
    learner = mixture(network="cifar_cnn4", channels=1 / 32, groups=[1, 3])
    learner.tensors["alpha"].copy_(torch.tensor([[1.0, 0.0], [0.0, 1.0]]))
    assert learner.decided() == best_of(learner) == "-SSS"
    assert set(learner.patterns()) == {"SSSS", "-SSS", "S---", "----"}
    facts = learner.epoch_facts()
    assert facts == {
        Fact("alpha", 0, "-"): 1.0,
        Fact("alpha", 0, "S"): 0.0,
        **{
            Fact("alpha", layer, letter): float(letter == "S")
            for layer in (1, 2, 3)
            for letter in "S-"
        },
    }


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("pattern", ["SS", "S-", "-S", "--"])
def test_what_a_task_does_not_share_is_rolled_back(method, pattern):
    model = new_model(method)
    first = new_learner(method, model)
    stepped(first)
    add(model, first, "S-")
    before = dict(model.tensors)
    second = new_learner(method, model)
    stepped(second, seed=2)
    names = add(model, second, pattern)
    for layer, letter in enumerate(pattern):
        kinds = {name.split(".")[1] for name in names if f".{layer}." in name and "t002" in name}
        assert ("own" in kinds) == (letter == "-")
        assert any(name.startswith(f"shared.{layer}.") for name in names) == (letter == "S")
    assert "alpha" not in names and not any(name.startswith("t001.") for name in names)
    x = images(seed=9)
    if pattern[0] == "-":  # the first task shares no layer that was written
        assert all(torch.equal(model.tensors[name], tensor) for name, tensor in before.items())
    torch.testing.assert_close(
        model.view(2)(x), committed(second, pattern)(x), rtol=1e-6, atol=1e-6
    )


def committed(learner: Mixture, pattern: str):
    """The learner's own network once it has decided so."""
    own = torch.tensor([[1.0, 0.0] if letter == "-" else [0.0, 1.0] for letter in pattern])
    learner.tensors["alpha"].copy_(own)
    assert learner.decided() == pattern
    return learner.network


def test_the_task_is_measured_on_the_layers_it_would_keep():
    learner = mixture()
    learner.tensors["alpha"].copy_(torch.tensor([[0.0, 1e-3], [0.0, -1e-3]]))
    x = images()
    filters = [
        (learner.tensors[f"{name}.weight"], learner.tensors[f"{name}.bias"])
        for name in ("shared.0", "t001.own.1")
    ]
    layers = [
        (learner.tensors[f"t001.head.{i}.weight"], learner.tensors[f"t001.head.{i}.bias"])
        for i in range(2)
    ]
    expected = head(features(x, learner.card.stack, filters), layers)
    assert torch.equal(learner.network(x), expected)
