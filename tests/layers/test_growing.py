"""Layers that grow, on cases small enough to work by hand."""

import pytest
import torch
from toy_layers import images, new_learner

from lifelong.layers.growing import (
    GrownLayer,
    awake,
    drifted,
    layers_of,
    logits_of,
    selected,
    start_units,
    taken,
)
from lifelong.methods.den import halve, shrink_groups

# Two inputs, hidden layers of three units each, two classes.
LADDER = [GrownLayer("a", 3, 2, 1), GrownLayer("b", 3, 3, 1), GrownLayer("out", 2, 3, 1)]


def ladder(**weights: list[list[float]]) -> dict[str, torch.Tensor]:
    found = {}
    for layer in LADDER:
        weight = torch.tensor(weights.get(layer.name, torch.ones(layer.shape).tolist()))
        found |= {f"{layer.name}.weight": weight, f"{layer.name}.bias": torch.zeros(layer.units)}
    return found


def test_units_are_selected_from_the_classes_down():
    """Class 0 uses b2 alone and class 1 b0: a program that looks at class 0 only misses b0 and a1.

    a2 is connected with b1, but b1 with no class.
    """
    tensors = ladder(
        out=[[0.0, 0, 5], [-1, 0, 0]], b=[[0.0, 1, 0], [0, 0, 1], [1, 0, 0]], a=[[1.0, 1]] * 3
    )
    assert selected(tensors, LADDER) == [[0, 1], [0, 2]]


def test_a_unit_with_any_connection_is_selected():
    tensors = ladder(out=[[0.0, 0, 0], [0, 1e-30, 0]], b=[[0.0, 0, 0], [0, 0, 2], [1, 1, 1]])
    assert selected(tensors, LADDER) == [[2], [1]]


def test_without_any_connection_nothing_is_selected():
    assert selected(ladder(out=[[0.0, 0, 0], [0, 0, 0]]), LADDER) == [[], []]


def test_a_channel_is_selected_if_any_of_its_numbers_is_used():
    """Maps of 2 x 2 enter the classes; of channel 1 only the last number does."""
    layers = [GrownLayer("c", 2, 1, 9, 3), GrownLayer("out", 2, 2, 4)]
    tensors = start_units(layers, torch.Generator())
    tensors["out.weight"] = torch.zeros(2, 8)
    tensors["out.weight"][1, 7] = 1.0
    assert selected(tensors, layers) == [[1]]


BEFORE = torch.tensor([[1.0, 0], [1, 0], [3, 4], [0, 0], [0, 0], [1, 0]])
NOW = torch.tensor([[1.0, 1], [0, 1], [6, 8], [0, 0], [0, 1], [1, 0.1]])
# Cosines: 0.707, 0, 1, 1 (did not move), 0 (came out of nothing), 0.995.


@pytest.mark.parametrize(
    ("least", "most", "expected"),
    [
        (0.98, 9, [0, 1, 4]),
        (0.999, 9, [0, 1, 4, 5]),
        (0.98, 2, [1, 4]),  # those that turned furthest, not the least
        (0.98, 1, [1]),
        (0.5, 9, [1, 4]),
        (-1.0, 9, []),
        (0.98, 0, []),
    ],
)
def test_units_that_turned_far_are_split_the_furthest_first(least, most, expected):
    assert drifted(NOW, BEFORE, least, most) == expected


def test_units_are_taken_with_their_connections():
    tensors = ladder(a=[[1.0, 2], [3, 4], [5, 6]], b=[[1.0, 2, 3], [4, 5, 6], [7, 8, 9]])
    found = taken(tensors, LADDER, [torch.tensor([2, 0]), torch.tensor([1, 1])])
    assert found["a.weight"].tolist() == [[5, 6], [1, 2]]
    assert found["b.weight"].tolist() == [[6, 4], [6, 4]]
    assert found["out.weight"].shape == (2, 2) and found["b.bias"].shape == (2,)


def test_only_new_units_that_give_nothing_are_dropped():
    """b0 is old; of the new ones b1 has but a bias, and b2 nothing."""
    tensors = ladder(b=[[0.0, 0, 0], [0, 0, 0], [0, 0, 0]])
    tensors["b.bias"][1] = 0.5
    assert awake(tensors, LADDER, [3, 1]) == [[0, 1, 2], [0, 1]]
    assert awake(tensors, LADDER, [0, 3]) == [[0, 1, 2], [0, 1, 2]]


def test_groups_shrink_by_their_length():
    """Weights (3, 0) and bias 4 are 5 long: one off leaves 0.8 of each, and 0.5 is no more."""
    weight, bias = torch.tensor([[3.0, 0], [0.3, 0], [0, 0]]), torch.tensor([4.0, 0.4, 0])
    shrink_groups(weight, bias, 1.0)
    assert torch.allclose(weight, torch.tensor([[2.4, 0], [0, 0], [0, 0]]))
    assert torch.allclose(bias, torch.tensor([3.2, 0, 0])) and weight[1, 0] == bias[1] == 0
    shrink_groups(weight, bias, 0.0)
    assert torch.allclose(bias, torch.tensor([3.2, 0, 0]))


def test_a_copy_shares_connections_with_newer_units_and_has_none_with_older():
    """a1 is doubled; b0 is seen by older tasks, b1 and b2 are new."""
    tensors = ladder(b=[[1.0, 2, 3], [4, 5, 6], [7, 8, 9]])
    grown = taken(tensors, LADDER, [torch.tensor([0, 1, 2, 1]), torch.arange(3)])
    layers = [GrownLayer("a", 4, 2, 1), GrownLayer("b", 3, 4, 1), GrownLayer("out", 2, 3, 1)]
    halve(grown, layers, [3, 3], [[1], []], [3, 1])
    assert grown["b.weight"].tolist() == [[1, 2, 3, 0], [4, 2.5, 6, 2.5], [7, 4, 9, 4]]
    assert torch.equal(grown["out.weight"], tensors["out.weight"])


def test_doubled_units_change_nothing_where_no_older_task_looks():
    learner = new_learner("den", den={"units": 2})
    split, widths = [[0, 5], [3], [1, 2]], learner.widths
    units = [torch.tensor([*range(w), *s]) for w, s in zip(widths, split, strict=True)]
    grown = taken(learner.tensors, learner.layers, units)
    layers = layers_of(learner.card, [len(one) for one in units])
    halve(grown, layers, widths, split, [0, 0, 0])
    x = images()
    found = logits_of(x, learner.card.stack, [layer.filter(grown) for layer in layers])
    assert torch.allclose(found, learner.network(x), atol=1e-5)


def test_layers_have_the_shapes_of_the_network():
    learner = new_learner("den", classes=("a", "b"))
    shapes = [layer.shape for layer in learner.layers]
    assert shapes == [(8, 1, 3, 3), (8, 8, 3, 3), (16, 8 * 4), (2, 16)]
    names = [layer.name for layer in learner.layers]
    assert names == ["shared.0", "shared.1", "shared.head.0", "t001.head.1"]


def test_hidden_layers_may_be_of_other_sizes():
    learner = new_learner("den", den={"hidden": [24, 12]})
    assert learner.widths == [8, 8, 24, 12]
    assert learner.tensors["t001.head.2.weight"].shape == (3, 12)
    assert learner.network(images()).shape == (12, 3)


def test_fresh_layers_lie_within_their_bounds():
    """Glorot: sqrt(6 / (8 x 9 + 8 x 9)) of the second convolution, sqrt(3 / 8) of its bias."""
    learner = new_learner("den")
    weight, bias = learner.tensors["shared.1.weight"], learner.tensors["shared.1.bias"]
    assert 0.9 * 0.2041 < weight.abs().max() < 0.2042
    assert 0.3 < bias.abs().max() < 0.6124 and bias.min() < 0
    dense = learner.tensors["shared.head.0.weight"]  # sqrt(6 / (32 + 16))
    assert 0.9 * 0.3535 < dense.abs().max() < 0.3536
