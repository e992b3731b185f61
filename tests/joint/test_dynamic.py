"""The dynamic-weights unit: its gradients, its cap, what it moves and what it leaves alone.

Features are random, 64 numbers of an image; losses are given, so that nothing but the unit learns.
"""

import math

import pytest
import torch
from torch import Tensor

from lifelong.joint.weighting import Forward, Start
from lifelong.methods.dynamic import Dynamic, Unit
from lifelong.methods.naive_dynamic import NaiveDynamic
from lifelong.optim.optimisers import SGD

OPTIONS = {
    "logit_norm": "l2",
    "scale": 1.0,
    "trunk_leak": False,
    "lr": 0.01,
    "sigma": 0.01,
    "loss_scale": "none",
}
CAP = 1 / (1 + math.exp(-math.sqrt(2)))  # 0.8044, of two tasks


def start(tasks: int = 2, **options: object) -> Start:
    names = tuple("abcd"[:tasks])
    return Start(names, (10,) * tasks, 64, OPTIONS | options, seed=1)


def features(batch: int = 16) -> Tensor:
    random = torch.Generator().manual_seed(0)
    return torch.rand(batch, 64, generator=random).requires_grad_()


def moved(weighting, losses: list[float], steps: int) -> Tensor:
    """The weights after so many steps at constant losses."""
    seen, fixed = features(), torch.tensor(losses)
    network = SGD(weighting.with_network, 0.0, 0.9)
    for _ in range(steps):
        network.zero_grad()
        weights = weighting.backward(Forward(fixed.clone().requires_grad_(), seen, (), ()))
        if weighting.with_network:
            network.step_all(0.1)
        weighting.step()
    return weights


@pytest.mark.parametrize("naive", [False, True])
def test_gradients_are_the_closed_forms(naive):
    """Of a raw logit a of one sample: dL3/da_i = w_i (1 / (L_i + sigma) - sum_j w_j / (L_j +
    sigma)), and of the naive rule w_i (L_i - sum_j w_j L_j)."""
    weighting = (NaiveDynamic if naive else Dynamic)(start(3, logit_norm="none"))
    losses, seen = torch.tensor([0.3, 1.2, 0.7], requires_grad=True), features(batch=1)
    weights = weighting.backward(Forward(losses, seen, (), ()))
    value = losses.detach() if naive else 1 / (losses.detach() + 0.01)
    expected = weights * (value - (weights * value).sum())
    assert torch.allclose(weighting.unit.bias.grad, expected, atol=1e-6)
    z = torch.nn.functional.normalize(seen.detach())
    assert torch.allclose(weighting.unit.weight.grad, expected[:, None] * z, atol=1e-6)


def test_the_harder_task_reaches_the_cap_and_the_naive_rule_the_floor():
    hard = moved(Dynamic(start()), [1.0, 0.1], 200)
    assert float(hard[0]) == pytest.approx(CAP, abs=1e-3)
    assert float(moved(NaiveDynamic(start()), [1.0, 0.1], 200)[0]) < 0.25


def test_when_the_other_task_becomes_hard_the_weights_follow():
    weighting = Dynamic(start())
    assert float(moved(weighting, [1.0, 0.1], 300)[0]) > 0.8
    assert float(moved(weighting, [0.05, 0.15], 499)[0]) < 0.5


def test_weights_that_may_reach_one_do_not_come_back():
    weighting = Dynamic(start(logit_norm="none", lr=0.1))
    moved(weighting, [1.0, 0.1], 300)
    assert float(moved(weighting, [0.05, 0.15], 500)[0]) > 0.9


def test_three_tasks_have_a_cap_of_their_own():
    weights = moved(Dynamic(start(3)), [1.0, 0.1, 0.1], 400)
    assert float(weights[0]) == pytest.approx(0.6299, abs=2e-3)
    assert float(weights.sum()) == pytest.approx(1.0) and (weights > 0).all()


def test_the_unit_has_its_own_gradient_and_the_network_another():
    """Nothing of L3 reaches the features or the losses; nothing of the sum reaches the unit."""
    weighting, seen = Dynamic(start()), features()
    losses = torch.tensor([1.0, 0.1], requires_grad=True)
    weights = weighting.backward(Forward(losses, seen, (), ()))
    assert seen.grad is None  # the losses here do not come from the features
    assert torch.equal(losses.grad, weights)


def test_as_released_the_weights_pull_at_the_features_too():
    weighting, seen = Dynamic(start(trunk_leak=True)), features()
    losses = torch.tensor([1.0, 0.1], requires_grad=True)
    weights = weighting.backward(Forward(losses, seen, (), ()))
    other = features()
    (Unit(start())(other) * losses.detach()).sum().backward()
    assert torch.allclose(seen.grad, other.grad, atol=1e-7) and seen.grad.abs().sum() > 0
    assert torch.equal(losses.grad, weights)
    clean = Dynamic(start())
    clean.backward(Forward(losses.detach().requires_grad_(), features(), (), ()))
    assert torch.equal(clean.unit.weight.grad, weighting.unit.weight.grad)


def test_a_loss_of_nothing_leaves_everything_finite():
    weighting = Dynamic(start())
    weights = weighting.backward(Forward(torch.zeros(2, requires_grad=True), features(), (), ()))
    assert weighting.unit.weight.grad.isfinite().all() and weights.isfinite().all()


def test_what_is_hard_may_be_told_by_the_number_of_classes():
    """80 classes at chance, ln 80, are as hard as 6 at chance; a loss of 2.2 is harder for 6."""
    about = Start(("a", "b"), (80, 6), 64, OPTIONS | {"loss_scale": "log_classes"}, seed=1)
    assert float(moved(Dynamic(about), [4.0, 2.2], 200)[1]) > 0.7
    plain = Start(("a", "b"), (80, 6), 64, OPTIONS, seed=1)
    assert float(moved(Dynamic(plain), [4.0, 2.2], 200)[1]) < 0.3


def test_the_same_seed_gives_the_same_bits():
    one, other = (moved(Dynamic(start()), [1.0, 0.3], 20) for _ in range(2))
    assert torch.equal(one, other)
