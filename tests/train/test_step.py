"""What a step does at the start of an epoch: its rates, and when picking masks freeze."""

import numpy as np
import pytest
import torch
from toy import card_of, images_of
from toy_layers import new_learner

from lifelong.masks import Learner, Model
from lifelong.optim.phase import Phase
from lifelong.train.layer_step import LayerStep
from lifelong.train.step import Step, mask_step

PHASE = Phase(
    epochs=8,
    lr=0.1,
    milestones=(3,),
    factor=0.1,
    mask_lr=5e-4,
    mask_milestones=(2,),
    mask_factor=0.2,
    mask_epochs=4,
)


def second(released: float) -> Learner:
    """A second task, which may own what the first has released."""
    model = Model()
    first = Learner(model, card_of(1), seed=1)
    first.prune_to(released)
    model.add(first.shard())
    return Learner(model, card_of(2), seed=2)


def rates(step: Step, epochs: range) -> np.ndarray:
    """The rates of weights and masks in each epoch: (epochs, 2)."""
    given = []
    for epoch in epochs:
        step.begin_epoch(PHASE, epoch)
        given.append((step.rate, step.mask_rate))
    return np.array(given)


def moved(step: Step) -> bool:
    """Whether a score moves in a step on random images."""
    before = [score.clone() for score in step.learner.scores()]
    step(images_of(step.learner.card), torch.arange(8) % 3)
    return any(not torch.equal(*pair) for pair in zip(before, step.learner.scores(), strict=True))


def test_rates_follow_the_phase_and_picks_freeze_when_their_epochs_are_over():
    step = mask_step(second(released=0.5), PHASE)
    live = [(0.1, 5e-4), (0.1, 5e-4), (0.1, 1e-4), (0.01, 1e-4)]
    assert rates(step, range(4)) == pytest.approx(np.array(live))
    assert step.picking and moved(step)
    assert rates(step, range(4, 8)) == pytest.approx(np.array([(0.01, 0.0)] * 4))
    assert not step.picking and not moved(step)
    assert not any(name.startswith("adam/") for name in step.state())


def test_a_task_that_owns_no_weight_trains_its_masks_on_at_the_decayed_rate():
    step = mask_step(second(released=0.0), PHASE)
    assert step.learner.counts()["owned"] == 0
    rates(step, range(4))
    assert rates(step, range(4, 8)) == pytest.approx(np.array([(0.01, 1e-4)] * 4))
    assert step.picking and moved(step)


def test_a_phase_without_a_rate_for_masks_has_none_to_train():
    step = mask_step(second(released=0.5), Phase(epochs=1, lr=0.1))
    step.begin_epoch(Phase(epochs=1, lr=0.1), 0)
    assert not step.picking and step.learner.scores() == []


def test_a_step_of_the_layer_family_has_one_rate():
    step = LayerStep(new_learner("stl"), seed=0)
    phase = Phase(epochs=3, lr=1.0, decay=0.25, epochs_before=2)
    given = []
    for epoch in range(3):
        step.begin_epoch(phase, epoch)
        given.append(step.rate)
    assert given == pytest.approx([4 / 6, 4 / 7, 4 / 8])
