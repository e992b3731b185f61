"""The networks of the layer family as functions of their filters, which methods put together.

A filter is (weight (out, in, k, k), bias (out,)); maps are (batch, channels, side, side).
"""

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.nn import functional

from lifelong.plan.stacks import Stack

Filter = tuple[Tensor, Tensor]
Step = Callable[[int, Tensor, Tensor | None], Tensor]
START_BIAS = 0.2  # of plain convolutions and fully connected layers
START_STD = 0.05


def convolve(x: Tensor, one: Filter) -> Tensor:
    """A convolution that keeps the size; kernels have odd sides."""
    weight, bias = one
    return functional.conv2d(x, weight, bias, padding=weight.shape[-1] // 2)


def pooled(x: Tensor, pool: int) -> Tensor:
    """Max-pool as TensorFlow's SAME: ceil(side / pool) maps, the odd line of padding at the end."""
    if pool == 1:
        return x
    side = x.shape[-1]
    total = max((math.ceil(side / pool) - 1) * pool + pool - side, 0)
    if total:
        before, after = total // 2, total - total // 2
        x = functional.pad(x, (before, after, before, after), value=-math.inf)
    return functional.max_pool2d(x, pool)


def layer(x: Tensor, one: Filter, pool: int, skip: Tensor | None = None) -> Tensor:
    """One layer of a stack: convolution, ReLU, what skips to it, pool."""
    maps = convolve(x, one)
    if skip is None:
        return pooled(maps, pool).relu_()  # the same as ReLU first, on fewer numbers
    return joined(maps.relu_(), pool, skip)


def joined(x: Tensor, pool: int, skip: Tensor | None) -> Tensor:
    """What follows a layer's ReLU: what skips to it, then the pool."""
    return pooled(x if skip is None else x + shrunk(skip, x.shape[-1]), pool)


def shrunk(x: Tensor, side: int) -> Tensor:
    """Maps max-pooled to a side, where they are larger."""
    return x if x.shape[-1] == side else pooled(x, -(-x.shape[-1] // side))


def features(x: Tensor, stack: Stack, filters: Sequence[Filter]) -> Tensor:
    """All layers, flattened: (batch, stack.flat(side))."""
    return through(x, stack, lambda i, x, skip: layer(x, filters[i], stack.pools[i], skip))


def through(x: Tensor, stack: Stack, step: Step) -> Tensor:
    """All layers by a function of the layer's number, what enters it and what skips to it."""
    sources = {end: start for start, end in stack.skips}
    entering = []
    for index in range(stack.depth):
        entering.append(x)
        skip = entering[sources[index]] if index in sources else None
        x = step(index, x, skip)
    return torch.flatten(x, 1)


def head(x: Tensor, layers: Sequence[Filter]) -> Tensor:
    """Fully connected layers, ReLU between them; weights are (out, in)."""
    for weight, bias in layers[:-1]:
        x = functional.linear(x, weight, bias).relu_()
    return functional.linear(x, *layers[-1])


def dropout(x: Tensor, rate: float, generator: torch.Generator | None) -> Tensor:
    """Set each number to zero with probability `rate`, and scale the others up."""
    if rate == 0 or generator is None:
        return x
    kept = torch.rand(x.shape, generator=generator, device=x.device) >= rate
    return x * kept / (1 - rate)


def start_plain(
    shape: Sequence[int], generator: torch.Generator, bias: float = START_BIAS
) -> Filter:
    """A fresh filter or fully connected layer: truncated normal weights, constant bias."""
    weight = torch.empty(tuple(shape))
    torch.nn.init.trunc_normal_(
        weight, std=START_STD, a=-2 * START_STD, b=2 * START_STD, generator=generator
    )
    return weight, torch.full((shape[0],), bias)


def fans(dims: Sequence[int]) -> tuple[int, int]:
    """TensorFlow 1's fan in and fan out of a tensor in its own layout, of any rank."""
    if len(dims) == 1:
        return dims[0], dims[0]
    field = math.prod(dims[:-2])
    return dims[-2] * field, dims[-1] * field


def start_glorot(
    shape: Sequence[int], fan_in: int, fan_out: int, generator: torch.Generator
) -> Tensor:
    """Uniform within sqrt(6 / (fan_in + fan_out)) (Glorot & Bengio, 2010)."""
    limit = math.sqrt(6 / (fan_in + fan_out))
    return torch.empty(tuple(shape)).uniform_(-limit, limit, generator=generator)
