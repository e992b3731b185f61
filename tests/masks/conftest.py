"""A model with two tasks, and its two parts as they were before it took them in."""

import pytest
from toy import card_of, stepped

from lifelong.masks import Learner, Model, Part


@pytest.fixture
def two_parts() -> list[Part]:
    """Two tasks: the first pruned by half, the second by half of the rest, picking."""
    model = Model()
    first = stepped(Learner(model, card_of(1), seed=1))
    first.prune_to(0.5)
    parts = [model.part(stepped(first, 1).shard())]
    model.add(parts[0])
    second = stepped(Learner(model, card_of(2), seed=2), pick=True, steps=12)
    second.prune_to(0.5)
    return [*parts, model.part(second.shard())]


@pytest.fixture
def two_tasks(two_parts: list[Part]) -> Model:
    """The model of the two."""
    model = Model()
    for part in two_parts:
        model.add(part)
    return model
