"""A step of the layer family: it goes on from its state, whichever optimiser it has."""

import pytest
import torch
from toy_layers import images, new_learner, snapshot, stepped

from lifelong.optim import OPTIMISERS
from lifelong.train.layer_step import LayerStep


@pytest.mark.parametrize("optimiser", OPTIMISERS)
def test_it_goes_on_where_another_was(optimiser):
    """Moments, the number of steps by which Adam scales them, and what is dropped next."""
    first, second = new_learner("stl"), new_learner("stl", seed=5)
    first.optimiser = second.optimiser = optimiser
    step = stepped(first, 3)
    second.load_state(snapshot(first))
    other = LayerStep(second, seed=0)
    other.rate = 0.01
    saved = {name: tensor.clone() for name, tensor in step.state().items()}
    assert set(saved) == set(other.state())
    for name, tensor in other.state().items():
        tensor.copy_(saved[name])
    x, y = images(seed=9), torch.arange(12) % 3
    for one in (step, other):
        one(x, y)
    assert all(torch.equal(first.state()[name], second.state()[name]) for name in first.state())
    same = [torch.equal(a, other.state()[name]) for name, a in step.state().items()]
    assert all(same)


def test_every_moment_has_a_name_of_its_own():
    learner = new_learner("stl")
    for optimiser, moments in (("rmsprop", 1), ("adam", 2)):
        learner.optimiser = optimiser
        state = LayerStep(learner, 0).state()
        tensors = len(learner.trained())
        own = moments * tensors + (optimiser == "adam")  # Adam counts its steps too
        assert len(state) == own + 3


def test_it_counts_images_and_hits_until_it_is_reset():
    learner = new_learner("stl", dropout=0.0)
    step = stepped(learner, 0)
    x, y = images(), learner.network(images()).argmax(1)
    step.rate = 0.0
    step(x, y)
    assert int(step.correct) == 12 and int(step.steps) == 1
    step(x[:5], (y[:5] + 1) % 3)
    assert int(step.correct) == 12 and float(step.loss_sum) > 0
    step.reset()
    assert int(step.correct) == 0 and float(step.loss_sum) == 0 and int(step.steps) == 2


def test_what_is_not_trained_stays_bit_for_bit():
    learner = new_learner("stl")
    learner.train(lambda name: "head" in name)
    before = snapshot(learner)
    stepped(learner, 3)
    for name, was in before.items():
        assert torch.equal(was, learner.state()[name]) == ("head" not in name)
