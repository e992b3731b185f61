"""Stacks of convolutions: pools padded as TensorFlow pads, skips, heads, and first values."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional

from lifelong.nets.conv_stack import (
    convolve,
    dropout,
    fans,
    features,
    head,
    layer,
    pooled,
    start_glorot,
    start_plain,
)
from lifelong.plan.stacks import STACKS, Stack


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def started(stack: Stack, in_channels: int = 3) -> list:
    sizes = zip(stack.kernels, stack.inputs(in_channels), stack.channels, strict=True)
    return [start_plain((o, i, k, k), seeded(k)) for k, i, o in sizes]


@pytest.mark.parametrize(
    ("pools", "sides"),
    [((3, 3, 2, 2), (128, 43, 15, 8, 4)), ((3, 3, 3), (96, 32, 11, 4)), ((2, 2), (7, 4, 2))],
)
def test_pools_keep_what_does_not_fill_a_window(pools, sides):
    x = torch.zeros(1, 1, sides[0], sides[0])
    for pool, side in zip(pools, sides[1:], strict=True):
        x = pooled(x, pool)
        assert x.shape == (1, 1, side, side)


@pytest.mark.parametrize(
    ("side", "windows"),
    [
        (6, [(0, 3), (3, 6)]),  # 32 to 11 and 11 to 4 end as the next one does
        (5, [(0, 3), (3, 5)]),  # one line of padding: at the end
        (4, [(0, 2), (2, 4)]),  # two: one before and one after, as from 43 to 15
    ],
)
def test_padding_lies_where_tensorflow_puts_it(side, windows):
    x = torch.randn(2, 3, side, side, generator=seeded()) - 10  # zeros of padding would win
    found = pooled(x, 3)
    for row, (top, bottom) in enumerate(windows):
        for column, (left, right) in enumerate(windows):
            window = x[:, :, top:bottom, left:right].amax((2, 3))
            assert torch.equal(found[:, :, row, column], window)


@pytest.mark.parametrize(
    ("side", "pool", "before", "after"),
    [(128, 3, 0, 1), (43, 3, 1, 1), (96, 3, 0, 0), (32, 3, 0, 1), (11, 3, 0, 1)],
)
def test_the_largest_number_is_found_at_both_ends(side, pool, before, after):
    """The first window holds pool - before lines, the last one pool - after."""
    line = torch.arange(side, dtype=torch.float32)
    x = line.expand(1, 1, side, side)
    found = pooled(x, pool)[0, 0, 0]
    assert found[0] == pool - before - 1 and found[-1] == side - 1
    assert pooled(-x, pool)[0, 0, 0, -1] == -(side - (pool - after))


@given(st.integers(1, 40), st.integers(1, 4))
def test_pools_give_as_many_maps_as_the_plan_says(side, pool):
    stack = Stack((3,), (1,), (pool,), (1,))
    assert pooled(torch.zeros(1, 1, side, side), pool).shape[-1] == stack.sides(side)[0]


@pytest.mark.parametrize("name", ["tiny_cnn2", "cifar_cnn4", "cifar_cnn6", "cifar_cnn8"])
def test_features_have_the_planned_size(name):
    stack = STACKS[name].scaled(1 / 8)
    found = features(torch.zeros(2, 3, 32, 32), stack, started(stack))
    assert found.shape == (2, stack.flat(32))


def test_office_home_and_stl10_too():
    for name, side in (("office_cnn4", 128), ("office_cnn8", 128), ("stl_cnn6", 96)):
        stack = STACKS[name].scaled(1 / 32)
        found = features(torch.zeros(1, 3, side, side), stack, started(stack))
        assert found.shape == (1, stack.flat(side))


@pytest.mark.parametrize("kernel", [1, 3, 5, 7, 11])
def test_convolutions_keep_the_size(kernel):
    one = start_plain((4, 3, kernel, kernel), seeded())
    assert convolve(torch.zeros(1, 3, 15, 15), one).shape == (1, 4, 15, 15)


def test_a_layer_is_convolution_relu_and_pool():
    weight, bias = torch.ones(1, 1, 1, 1), torch.tensor([-2.5])
    x = torch.arange(16.0).reshape(1, 1, 4, 4)
    found = layer(x, (weight, bias), 2)
    assert found.flatten().tolist() == [2.5, 4.5, 10.5, 12.5]
    assert layer(-x, (weight, bias), 2).abs().sum() == 0


def test_a_skip_is_added_after_relu_and_before_the_pool():
    """relu(x - 2.5) + x, the largest of each window: x = 5, 7, 13 and 15."""
    weight, bias = torch.ones(1, 1, 1, 1), torch.tensor([-2.5])
    x = torch.arange(16.0).reshape(1, 1, 4, 4)
    found = layer(x, (weight, bias), 2, skip=x)
    assert found.flatten().tolist() == [7.5, 11.5, 23.5, 27.5]
    lifted = layer(x, (weight, torch.tensor([-100.0])), 2, skip=x)
    assert lifted.flatten().tolist() == [5, 7, 13, 15]  # the skip passes where ReLU stops all


def test_skips_lead_from_what_enters_one_layer_to_what_another_gives():
    stack = Stack((1, 1, 1), (2, 2, 2), (1, 1, 1), (1,), skips=((1, 2),))
    filters = [start_plain((2, i, 1, 1), seeded(i)) for i in (1, 2, 2)]
    x = torch.randn(2, 1, 3, 3, generator=seeded())
    first = convolve(x, filters[0]).relu()
    expected = convolve(convolve(first, filters[1]).relu(), filters[2]).relu() + first
    assert torch.allclose(features(x, stack, filters), expected.flatten(1))


def test_a_skip_over_a_pool_is_pooled_too():
    stack = Stack((1, 1), (2, 2), (2, 1), (1,), skips=((0, 1),))
    filters = [start_plain((2, 2, 1, 1), seeded(i)) for i in range(2)]
    x = torch.randn(2, 2, 5, 5, generator=seeded())
    first = pooled(convolve(x, filters[0]).relu(), 2)
    expected = convolve(first, filters[1]).relu() + pooled(x, 2)
    assert torch.allclose(features(x, stack, filters), expected.flatten(1))


def test_the_network_of_seventeen_layers_runs():
    stack = STACKS["cifar_resnet17"].scaled(1 / 16)
    found = features(torch.zeros(1, 3, 32, 32), stack, started(stack))
    assert found.shape == (1, stack.flat(32)) and torch.isfinite(found).all()


def test_a_head_has_relu_between_its_layers_and_none_at_its_end():
    """(1, -1) gives (1, 0) after ReLU, then -2 + 0.5."""
    first = (torch.eye(2), torch.zeros(2))
    last = (torch.tensor([[-2.0, 7.0]]), torch.tensor([0.5]))
    assert head(torch.tensor([[1.0, -1.0]]), [first, last]).item() == -1.5


def test_dropout_keeps_its_share_and_the_mean():
    x = torch.ones(200, 500)
    for rate in (0.5, 0.2):
        found = dropout(x, rate, seeded())
        assert found.unique().tolist() == pytest.approx([0, 1 / (1 - rate)])
        assert (found == 0).float().mean().item() == pytest.approx(rate, abs=0.01)
        assert found.mean().item() == pytest.approx(1, abs=0.02)
        assert torch.equal(found, dropout(x, rate, seeded()))
        assert not torch.equal(found, dropout(x, rate, seeded(1)))
    assert dropout(x, 0.0, seeded()) is x and dropout(x, 0.5, None) is x


def test_plain_weights_are_normal_cut_at_two_deviations_and_biases_constant():
    """A normal of deviation 0.05 cut there has 0.8796 of it left, 0.04398."""
    weight, bias = start_plain((256, 64, 3, 3), seeded())
    assert weight.abs().max() <= 0.1 and weight.abs().max() > 0.0999
    assert weight.mean().item() == pytest.approx(0, abs=5e-4)
    assert weight.std().item() == pytest.approx(0.04398, rel=0.01)
    assert bias.shape == (256,) and (bias == 0.2).all()
    again, _ = start_plain((256, 64, 3, 3), seeded())
    assert torch.equal(weight, again)


@pytest.mark.parametrize(
    ("dims", "expected"),
    [
        ((7,), (7, 7)),
        ((5, 9), (5, 9)),
        ((1, 2, 2, 16), (2 * 2, 32)),  # a DF-CNN's shared tensor: 1 x 2 in front of (2, 16)
        ((3, 3, 24, 16), (216, 144)),
        ((24, 3, 32), (72, 768)),
        ((1, 1, 1, 24), (1, 24)),
    ],
)
def test_fans_are_counted_as_tensorflow_counts_them(dims, expected):
    assert fans(dims) == expected


def test_glorot_is_uniform_within_its_limit():
    """sqrt(6 / (100 + 50)) = 0.2, whose deviation is 0.2 / sqrt(3)."""
    found = start_glorot((300, 400), 100, 50, seeded())
    assert 0.1999 < found.abs().max() <= 0.2
    assert found.mean().item() == pytest.approx(0, abs=2e-3)
    assert found.std().item() == pytest.approx(0.11547, rel=0.01)


def test_a_stack_is_what_torch_computes():
    stack = STACKS["cifar_cnn4"].scaled(1 / 8)
    filters = started(stack)
    x = torch.randn(2, 3, 32, 32, generator=seeded())
    expected = x
    for (weight, bias), pool in zip(filters, stack.pools, strict=True):
        expected = functional.relu(functional.conv2d(expected, weight, bias, padding="same"))
        expected = functional.max_pool2d(expected, pool)
    assert torch.allclose(features(x, stack, filters), expected.flatten(1), atol=1e-6)
