"""Rates that fall on a plateau, worked by hand as GPM's and WSN's programs have them."""

import pytest

from lifelong.optim.phase import Phase
from lifelong.optim.plateau import Plateau

LR = 1e-3


@pytest.mark.parametrize(
    ("losses", "falls"),
    [
        ([], 0),
        ([1.0], 0),
        ([1.0, *[1.0] * 5], 0),  # equal is no new best
        ([1.0, *[1.1] * 6], 1),
        ([1.0, *[1.1] * 5, 0.9, *[1.0] * 5], 0),  # a new best begins the count again
        ([1.0, *[1.1] * 12], 2),  # and so does a fall
        ([1.0, *[1.1] * 11], 1),
    ],
)
def test_rates_fall_after_six_epochs_without_a_new_best(losses, falls):
    assert Plateau().after(losses, LR) == (falls, False)


def test_the_seventh_fall_would_pass_the_floor_and_ends_the_training():
    """1e-3 / 2^6 = 1.56e-5, 1e-3 / 2^7 = 7.8e-6 < 1e-5: 42 epochs after the best."""
    losses = [1.0, *[1.1] * 41]
    assert Plateau().after(losses, LR) == (6, False)
    assert Plateau().after([*losses, 1.1], LR) == (6, True)


def test_an_accuracy_is_best_where_it_is_high():
    plateau = Plateau(patience=2, watch="accuracy")
    assert plateau.after([0.5, 0.6, 0.7, 0.7], LR) == (0, False)
    assert plateau.after([0.5, 0.6, 0.7, 0.7, 0.6], LR) == (1, False)


def test_both_rates_fall():
    given = {"plateau": {"patience": 3, "factor": 0.1, "floor": 1e-9, "watch": "loss"}}
    phase = Phase.of({"epochs": 5, "lr": 1.0, "mask_lr": 0.5}, given)
    assert phase.fallen(0) == phase and phase.needs_loss
    assert phase.fallen(2).lr == pytest.approx(0.01)
    assert phase.fallen(2).mask_lr == pytest.approx(0.005)
    assert not Phase(1, 1.0).needs_loss
