"""Other ways to weigh losses, each against what its paper's formulas give by hand."""

import math

import pytest
import torch
from torch import Tensor

from lifelong.joint.weighting import Forward, Start
from lifelong.methods.dwa import DWA
from lifelong.methods.gradnorm import GradNorm
from lifelong.methods.joint import Fixed
from lifelong.methods.pcgrad import PCGrad
from lifelong.methods.uncertainty import Uncertainty


def start(**options: object) -> Start:
    return Start(("a", "b"), (2, 2), 3, options)


def forward(trunk: Tensor, pulls: list[list[float]], values: list[float]) -> Forward:
    """Losses with these values whose gradients in the trunk are the pulls."""
    slopes = torch.tensor(pulls)
    losses = (slopes * (trunk - trunk.detach())).sum((1, 2)) + torch.tensor(values)
    return Forward(losses, trunk, [trunk], ())


def trunk() -> Tensor:
    return torch.zeros(1, 2, requires_grad=True)


PULLS = [[[1.0, 0.0]], [[-1.0, 1.0]]]


def test_fixed_weights_are_those_given_in_parts_of_their_sum():
    shared = trunk()
    weights = Fixed(start(weights={"a": 9.0})).backward(forward(shared, PULLS, [1.0, 1.0]))
    assert weights.tolist() == pytest.approx([0.9, 0.1])
    assert shared.grad.tolist()[0] == pytest.approx([0.8, 0.1])
    assert Fixed(start(weights={})).backward(forward(trunk(), PULLS, [1, 1])).tolist() == [0.5, 0.5]


def test_uncertainty_lowers_what_has_the_larger_loss():
    weighting = Uncertainty(start())
    weights = weighting.backward(forward(trunk(), PULLS, [2.0, 0.5]))
    assert weights.tolist() == [0.5, 0.5]
    # d/ds (exp(-s) L + s / 2) / 2 at s = 0
    assert weighting.log_variances.grad.tolist() == pytest.approx([-0.75, 0.0])
    with torch.no_grad():
        weighting.log_variances[0] = math.log(4.0)
    assert weighting.backward(forward(trunk(), PULLS, [2, 0.5])).tolist() == pytest.approx(
        [0.125, 0.5]
    )


def test_gradnorm_steps_towards_equal_pulls_and_paces():
    weighting = GradNorm(start(lr=0.1, asymmetry=1.0))
    used = weighting.backward(forward(trunk(), [[[3.0, 0.0]], [[1.0, 0.0]]], [1.0, 1.0]))
    assert used.tolist() == [0.5, 0.5]
    # Pulls 3 and 1 shall both be 2: weights 1 - 0.1 x 3 and 1 + 0.1 x 1, in sum 2 again.
    assert weighting.weights.tolist() == pytest.approx([2 * 0.7 / 1.8, 2 * 1.1 / 1.8])
    weighting.weights = torch.ones(2)
    weighting.backward(forward(trunk(), [[[1.0, 0.0]], [[1.0, 0.0]]], [1.0, 0.5]))
    assert weighting.weights[0] > 1 > weighting.weights[1]  # the first one lags behind


def test_dwa_weighs_what_falls_more_slowly():
    weighting = DWA(start(temperature=2.0))
    weighting.end_epoch(torch.tensor([1.0, 1.0]))
    assert weighting.weights().tolist() == [0.5, 0.5]  # one epoch says nothing
    weighting.end_epoch(torch.tensor([0.9, 0.5]))
    share = 1 / (1 + math.exp((0.5 - 0.9) / 2))
    assert weighting.weights().tolist() == pytest.approx([share, 1 - share])


def test_pcgrad_takes_away_what_conflicts():
    shared = trunk()
    PCGrad(start()).backward(forward(shared, PULLS, [1.0, 1.0]))
    # (1, 0) without its part along (-1, 1) is (0.5, 0.5); (-1, 1) without that along (1, 0): (0, 1)
    assert shared.grad.tolist()[0] == pytest.approx([0.25, 0.75])
    shared = trunk()
    PCGrad(start()).backward(forward(shared, [[[1.0, 0.0]], [[1.0, 1.0]]], [1.0, 1.0]))
    assert shared.grad.tolist()[0] == pytest.approx([1.0, 0.5])  # no conflict: the mean
