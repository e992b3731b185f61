"""The networks of the layer family as numbers: maps, sides and sizes of every one."""

from itertools import pairwise

import pytest

from lifelong.plan.stacks import STACKS, Stack

# Images; kernels; channels; side after each layer; numbers into, and units of, connected layers.
TABLE = {
    "tiny_cnn2": (8, "3 3", "8 8", "4 2", 32, (16,)),
    "mnist_cnn2": (28, "5 5", "32 64", "14 7", 3136, (32,)),
    "cifar_cnn4": (32, "3 3 3 3", "32 32 64 64", "32 16 16 8", 4096, (64,)),
    "cifar_cnn6": (32, "3 3 3 3 3 3", "32 32 64 64 128 128", "32 16 16 8 8 4", 2048, (64,)),
    "cifar_cnn8": (
        32,
        "3 3 3 3 3 3 3 3",
        "32 32 64 64 128 128 128 128",
        "32 16 16 8 8 4 4 2",
        512,
        (64,),
    ),
    "cifar_resnet17": (
        32,
        "7 3 3 3 3 3 3 3 3 3 3 3 3 3 3 3 3",
        "64 64 64 64 64 128 128 128 128 256 256 256 256 512 512 512 512",
        "16 16 16 16 16 8 8 8 8 4 4 4 4 2 2 2 2",
        2048,
        (1000,),
    ),
    "office_cnn4": (128, "11 5 3 3", "64 256 256 256", "43 15 8 4", 4096, (256, 64)),
    "office_cnn6": (
        128,
        "11 5 3 3 3 3",
        "64 256 256 256 256 256",
        "43 15 15 8 8 4",
        4096,
        (256, 64),
    ),
    "office_cnn8": (
        128,
        "7 7 5 5 3 3 3 3",
        "32 32 64 64 128 128 256 256",
        "128 43 43 15 15 8 8 4",
        4096,
        (256, 64),
    ),
    "stl_cnn6": (96, "3 3 3 3 3 3", "32 32 64 64 128 128", "96 32 32 11 11 4", 2048, (128, 16)),
    "stl_cnn6_tf": (96, "3 3 3 3 3 3", "32 32 64 64 128 128", "96 32 32 11 11 4", 2048, (128,)),
    "stl_cnn9": (
        96,
        "3 3 3 3 3 3 3 3 3",
        "32 32 32 64 64 64 128 128 128",
        "96 96 32 32 32 11 11 11 4",
        2048,
        (128, 16),
    ),
}


def numbers(text: str) -> tuple[int, ...]:
    return tuple(map(int, text.split()))


def test_every_network_is_in_the_table():
    assert set(TABLE) == set(STACKS)


@pytest.mark.parametrize("name", TABLE)
def test_a_network_has_the_published_sizes(name):
    side, kernels, channels, sides, flat, hidden = TABLE[name]
    stack = STACKS[name]
    assert stack.kernels == numbers(kernels) and stack.channels == numbers(channels)
    assert stack.sides(side) == numbers(sides)
    assert stack.flat(side) == flat and stack.hidden == hidden
    assert stack.depth == len(numbers(kernels)) == len(stack.pools)


@pytest.mark.parametrize("name", TABLE)
def test_layers_follow_each_other(name):
    stack = STACKS[name]
    assert stack.inputs(3) == (3, *stack.channels[:-1])
    dense = stack.dense(TABLE[name][0], 10)
    assert dense[0][0] == TABLE[name][4] and dense[-1][1] == 10
    assert [outputs for _, outputs in dense[:-1]] == list(stack.hidden)
    assert all(before[1] == after[0] for before, after in pairwise(dense))


@pytest.mark.parametrize(
    ("name", "channels", "classes", "filters", "head"),
    [
        ("cifar_cnn4", 3, 10, 65_568, 262_858),
        ("office_cnn4", 3, 13, 1_613_312, 1_066_125),
        ("stl_cnn6", 3, 3, 287_008, 264_387),
    ],
)
def test_networks_have_the_known_numbers_of_weights(name, channels, classes, filters, head):
    stack, side = STACKS[name], TABLE[name][0]
    sizes = zip(stack.kernels, stack.inputs(channels), stack.channels, strict=True)
    assert sum(k * k * i * o + o for k, i, o in sizes) == filters
    assert sum(i * o + o for i, o in stack.dense(side, classes)) == head


@pytest.mark.parametrize("name", TABLE)
def test_skips_join_layers_of_one_size(name):
    stack, side = STACKS[name], TABLE[name][0]
    entering = (side, *stack.sides(side))
    for start, end in stack.skips:
        assert stack.inputs(3)[start] == stack.channels[end]
        assert entering[start] == entering[end]  # before the pool of its last layer


def test_skips_are_those_of_the_published_network():
    assert STACKS["cifar_resnet17"].skips == ((1, 2), (3, 4), (7, 8), (11, 12), (15, 16))
    assert not any(STACKS[name].skips for name in STACKS if name != "cifar_resnet17")


def test_a_scaled_network_has_other_channels_only():
    stack = STACKS["office_cnn4"].scaled(0.25)
    assert (stack.channels, stack.hidden) == ((16, 64, 64, 64), (64, 16))
    whole = STACKS["office_cnn4"]
    assert (stack.kernels, stack.pools) == (whole.kernels, whole.pools)
    assert Stack((3,), (4,), (1,), (2,)).scaled(0.01).channels == (1,)  # one at least
    assert whole.scaled(1.0) == whole
