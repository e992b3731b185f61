"""All configurations at once give what each gives alone."""

import pytest
import torch
from torch import Tensor

from lifelong.layers.tree import all_features
from lifelong.nets import conv_stack
from lifelong.nets.conv_stack import Filter, features, start_plain
from lifelong.plan.patterns import SHARED, configurations
from lifelong.plan.stacks import STACKS, Stack

THREE = Stack((3, 5, 3), (6, 4, 8), (1, 3, 2), (4,))
CASES = {
    "d2": (STACKS["tiny_cnn2"], 8, None),
    "d3": (THREE, 13, None),
    "d4": (STACKS["cifar_cnn4"].scaled(0.25), 16, None),
    "d4 in pairs": (STACKS["cifar_cnn4"].scaled(0.25), 16, [2, 2]),
    "d4 in unlike groups": (STACKS["cifar_cnn4"].scaled(0.25), 16, [1, 3]),
    "all together": (THREE, 13, [3]),
    "skips across groups": (STACKS["cifar_resnet17"].scaled(1 / 16), 16, [5, 4, 4, 4]),
    "skips across choices": (STACKS["cifar_resnet17"].scaled(1 / 16), 16, [1, 1, 1, 2, 12]),
}


def filters(stack: Stack, entering: int, seed: int) -> list[Filter]:
    draws = torch.Generator().manual_seed(seed)
    sizes = zip(stack.channels, stack.inputs(entering), stack.kernels, strict=True)
    made = []
    for outputs, inputs, kernel in sizes:
        weight, bias = start_plain((outputs, inputs, kernel, kernel), draws, bias=0.05)
        made.append((weight * 4 / kernel, bias + 0.1 * torch.randn(outputs, generator=draws)))
    return [(w.requires_grad_(), b.requires_grad_()) for w, b in made]


def case(name: str) -> tuple[Stack, Tensor, list[Filter], list[Filter], list[str], list | None]:
    stack, side, groups = CASES[name]
    x = torch.randn(3, 2, side, side, generator=torch.Generator().manual_seed(5))
    patterns = configurations(stack.depth, groups)
    return stack, x, filters(stack, 2, 1), filters(stack, 2, 2), patterns, groups


def one_by_one(stack: Stack, x: Tensor, shared: list, own: list, patterns: list[str]) -> Tensor:
    """(configurations, batch, flat), each through its own network."""
    kinds = list(zip(shared, own, strict=True))
    chosen = [
        [pair[letter != SHARED] for pair, letter in zip(kinds, pattern, strict=True)]
        for pattern in patterns
    ]
    return torch.stack([features(x, stack, layers) for layers in chosen])


@pytest.mark.parametrize("name", CASES)
def test_features_are_those_of_each_configuration(name):
    stack, x, shared, own, patterns, groups = case(name)
    with torch.no_grad():
        found = all_features(x, stack, shared, own, groups)
        expected = one_by_one(stack, x, shared, own, patterns)
    assert found.shape == (len(patterns), len(x), stack.flat(x.shape[-1]))
    torch.testing.assert_close(found, expected, rtol=1e-6, atol=1e-6)
    assert len({tuple(one.flatten().tolist()) for one in found}) == len(patterns)


@pytest.mark.parametrize("name", CASES)
def test_one_backward_gives_the_weighted_gradients_of_all(name):
    stack, x, shared, own, patterns, groups = case(name)
    weights = torch.rand(len(patterns), generator=torch.Generator().manual_seed(6))
    trained = [tensor for pair in [*shared, *own] for tensor in pair]
    both = all_features(x, stack, shared, own, groups), one_by_one(stack, x, shared, own, patterns)
    found, expected = (
        torch.autograd.grad(weights @ one.square().flatten(1).sum(1), trained) for one in both
    )
    for mine, theirs in zip(found, expected, strict=True):
        assert float(theirs.abs().max()) > 0
        assert float((mine - theirs).abs().max()) <= 2e-6 * float(theirs.abs().max())


def test_each_prefix_of_choices_is_convolved_once(monkeypatch):
    stack, x, shared, own, _, groups = case("d4")
    batches = []
    real = conv_stack.functional.conv2d

    def conv2d(x, *rest, **more):
        batches.append(len(x))
        return real(x, *rest, **more)

    monkeypatch.setattr(conv_stack.functional, "conv2d", conv2d)
    all_features(x, stack, shared, own, groups)
    assert batches == [3, 6, 12, 24]
