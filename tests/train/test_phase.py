"""Schedules by hand-worked sequences."""

import pytest

from lifelong.train.phase import Phase


def test_rates_fall_after_the_milestones():
    phase = Phase(epochs=100, lr=0.01, milestones=(50, 80), factor=0.1)
    rates = [phase.rate(epoch) for epoch in (0, 49, 50, 79, 80, 99)]
    assert rates == pytest.approx([1e-2, 1e-2, 1e-3, 1e-3, 1e-4, 1e-4])


def test_mask_rates_fall_and_end():
    phase = Phase(epochs=100, lr=0.01, mask_lr=5e-4, mask_milestones=(50,), mask_epochs=70)
    rates = [phase.mask_rate(epoch) for epoch in (0, 49, 50, 69, 70, 99)]
    assert rates == pytest.approx([5e-4, 5e-4, 1e-4, 1e-4, 0, 0])


def test_a_phase_takes_what_it_knows_from_the_configuration():
    recipe = {
        "batch_size": 8,
        "momentum": 0.5,
        "weight_decay": 0.0,
        "crop_padding": 1,
        "flip": False,
    }
    section = {"epochs": 3, "lr": 0.1, "milestones": [1], "repetitions": 5, "min_train_accuracy": 1}
    phase = Phase.of(section, recipe, beat=0.5)
    assert (phase.epochs, phase.milestones, phase.batch_size, phase.beat) == (3, (1,), 8, 0.5)
    assert phase.mask_rate(0) == 0.0
