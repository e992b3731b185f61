"""A model with two tasks."""

import pytest
from toy import card_of, stepped

from lifelong.masks import Learner, Model


@pytest.fixture
def two_tasks() -> Model:
    """A model of two tasks: the first pruned by half, the second by half of the rest, picking."""
    model = Model()
    first = stepped(Learner(model, card_of(1), seed=1))
    first.prune_to(0.5)
    model.add(stepped(first, 1).shard())
    second = stepped(Learner(model, card_of(2), seed=2), pick=True, steps=12)
    second.prune_to(0.5)
    model.add(second.shard())
    return model
