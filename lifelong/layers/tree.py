"""The features of all configurations at once: each prefix of choices is computed only once.

At layer l there are no more than 2^l different inputs and two filters, so that one convolution with
both filters on a batch of 2^l times as many images stands for 2^d networks.
"""

from collections.abc import Sequence
from itertools import accumulate

import torch
from torch import Tensor

from lifelong.nets.conv_stack import Filter, convolve, joined, layer, pooled, through
from lifelong.plan.stacks import Stack


def all_features(
    x: Tensor,
    stack: Stack,
    shared: Sequence[Filter],
    own: Sequence[Filter],
    groups: Sequence[int] | None = None,
) -> Tensor:
    """(configurations, batch, stack.flat(side)), ordered as `plan.patterns.configurations`.

    `shared` and `own` have a filter a layer. Only the first layer of a group branches.
    """
    sizes = list(groups or [1] * stack.depth)
    starts = set(accumulate([0, *sizes[:-1]]))

    def step(index: int, x: Tensor, skip: Tensor | None) -> Tensor:
        both, pool = (shared[index], own[index]), stack.pools[index]
        if index in starts:
            return _branched(x, both, pool, skip)
        return _followed(x, both, pool, skip)

    return through(x, stack, step).view(2 ** len(sizes), len(x), -1)


def _branched(x: Tensor, both: tuple[Filter, Filter], pool: int, skip: Tensor | None) -> Tensor:
    """Every image by both filters; the newest choice is the slowest index of the batch."""
    (weight, bias), (own_weight, own_bias) = both
    maps = convolve(x, (torch.cat([weight, own_weight]), torch.cat([bias, own_bias])))
    if skip is None:  # on fewer numbers after the pool
        return torch.cat(pooled(maps, pool).relu_().chunk(2, 1))
    return _with_skip(torch.cat(maps.chunk(2, 1)), pool, skip)


def _followed(x: Tensor, both: tuple[Filter, Filter], pool: int, skip: Tensor | None) -> Tensor:
    """As the group chose: the first half of the batch by the first filter."""
    pairs = list(zip(x.chunk(2), both, strict=True))
    if skip is None:
        return torch.cat([layer(half, one, pool) for half, one in pairs])
    return _with_skip(torch.cat([convolve(half, one) for half, one in pairs]), pool, skip)


def _with_skip(found: Tensor, pool: int, skip: Tensor) -> Tensor:
    """What skips may be of fewer choices than what it joins; later choices do not change it."""
    times = len(found) // len(skip)
    return joined(found.relu_(), pool, skip if times == 1 else skip.repeat(times, 1, 1, 1))
