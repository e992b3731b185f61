"""Patterns by name, by letter and by the codes of the released program, all of them."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lifelong.plan.errors import ConfigError
from lifelong.plan.patterns import MOST_CONFIGURATIONS, check_groups, configurations, named

# Code 0, 5, 10, ... of the released program; five codes in a row are one pattern.
CODES = {
    ("cifar_cnn4", 4): "SSSS ---S --SS -SSS S--- SS-- SSS- -S-S S-S-",
    ("office_cnn4", 4): "SSSS ---S --SS -SSS S--- SS-- SSS- -S-S S-S-",
    ("cifar_cnn6", 6): "SSSSSS -----S ----SS ---SSS --SSSS -SSSSS "
    "S----- SS---- SSS--- SSSS-- SSSSS- -S-S-S",
    ("stl_cnn6", 6): "SSSSSS -----S ----SS ---SSS --SSSS -SSSSS "
    "S----- SS---- SSS--- SSSS-- SSSSS- -S-S-S",
    # Office-Home never shares the first two of its six layers.
    ("office_cnn6", 6): "--SSSS -----S ----SS ---SSS --S--- --SS-- --SSS- ---S-S --S-S-",
    ("cifar_cnn8", 8): "SSSSSSSS ------SS ----SSSS --SSSSSS SS------ SSSS---- SSSSSS-- "
    "-S-S-S-S S-S-S-S-",
    ("office_cnn8", 8): "SSSSSSSS ------SS ----SSSS --SSSSSS SS------ SSSS---- SSSSSS-- "
    "-S-S-S-S S-S-S-S-",
    ("stl_cnn9", 9): "SSSSSSSSS",
    ("cifar_resnet17", 17): "SSSSSSSSSSSSSSSSS",
}
EVERY = [
    (network, depth, 5 * place + rest, pattern)
    for (network, depth), patterns in CODES.items()
    for place, pattern in enumerate(patterns.split())
    for rest in range(5)
]


@pytest.mark.parametrize(("network", "depth", "code", "pattern"), EVERY)
def test_a_code_is_the_pattern_it_was(network, depth, code, pattern):
    assert named(str(code), depth, network) == pattern


@pytest.mark.parametrize(("network", "depth"), CODES)
def test_there_are_no_more_codes(network, depth):
    first = 5 * len(CODES[network, depth].split())
    with pytest.raises(ConfigError, match=rf"code {first} .* {depth} layers .*0 to {first - 1}"):
        named(str(first), depth, network)


@pytest.mark.parametrize("depth", [2, 3, 5, 7])
def test_networks_of_other_depths_have_no_codes(depth):
    with pytest.raises(ConfigError, match="none"):
        named("0", depth)


@pytest.mark.parametrize(
    ("name", "pattern"),
    [
        ("all", "SSSS"),
        ("none", "----"),
        ("top1", "---S"),
        ("top4", "SSSS"),
        ("bottom1", "S---"),
        ("bottom3", "SSS-"),
        ("alternating", "-S-S"),
        ("alternating_shared", "S-S-"),
        ("S--S", "S--S"),
        ("----", "----"),
    ],
)
def test_names_say_which_layers_are_shared(name, pattern):
    assert named(name, 4) == pattern


@pytest.mark.parametrize(
    "name",
    [
        "top0",
        "top5",
        "bottom9",
        "top",
        "topS",
        "most",
        "",
        "SSxS",
        "ssss",
        "-1",
        "top-1",
        "²",
        "top²",
    ],
)
def test_a_name_that_means_nothing_is_refused_with_what_there_is(name):
    with pytest.raises(ConfigError, match=r"layers\.pattern") as error:
        named(name, 4)
    assert "alternating" in str(error.value) and repr(name) in str(error.value)


@pytest.mark.parametrize("pattern", ["S", "SSSSS", "---"])
def test_a_pattern_has_a_letter_a_layer(pattern):
    wrong = f"{len(pattern)} letters, but cifar_cnn4 has 4 layers"
    with pytest.raises(ConfigError, match=wrong):
        named(pattern, 4, "cifar_cnn4")


def test_configurations_are_in_the_order_of_their_bits():
    """Bit 0 is the layer nearest to the image; a set bit means its own."""
    assert configurations(2) == ["SS", "-S", "S-", "--"]
    assert configurations(4)[1] == "-SSS" and configurations(4)[8] == "SSS-"
    assert configurations(5, [2, 3]) == ["SSSSS", "--SSS", "SS---", "-----"]


@pytest.mark.parametrize(
    ("depth", "groups", "count"),
    [
        (4, [1, 1, 1, 1], 16),
        (9, [3, 3, 3], 8),
        (17, [5, 4, 4, 4], 16),
        (17, [5, 4, 4, 2, 2], 32),
        (17, [5, 4, 2, 2, 2, 2], 64),
        (17, [5, 2, 2, 2, 2, 2, 2], 128),
        (17, [3, 2, 2, 2, 2, 2, 2, 2], 256),
    ],
)
def test_groups_make_as_many_configurations_as_lasem_g_searches(depth, groups, count):
    check_groups(groups, depth, [64] * depth, 10)
    found = configurations(depth, groups)
    assert len(found) == len(set(found)) == count
    assert found[0] == "S" * depth and found[-1] == "-" * depth


@given(st.lists(st.integers(1, 4), min_size=1, max_size=6))
def test_layers_of_a_group_choose_together(groups):
    for pattern in configurations(sum(groups), groups):
        first = 0
        for size in groups:
            assert len(set(pattern[first : first + size])) == 1
            first += size


@pytest.mark.parametrize("groups", [[1, 1, 1], [5], [2, 3], []])
def test_groups_cover_all_layers(groups):
    if not groups:  # each layer for itself
        check_groups(groups, 4, [64] * 4, 10)
        return
    with pytest.raises(ConfigError, match=rf"layers.groups: .* {sum(groups)} layers.* 4 "):
        check_groups(groups, 4, [64] * 4, 10)


def test_too_many_configurations_are_refused_with_what_they_would_take_and_a_way_out():
    """2^17 of 10 images of 2^10 numbers, and their gradients: 10 GiB."""
    assert MOST_CONFIGURATIONS == 2**10
    with pytest.raises(ConfigError, match=r"layers\.groups: 17 groups make 131072") as error:
        check_groups(None, 17, [1024] * 17, 10)
    assert "10.0 GiB" in str(error.value)
    suggested = json.loads(str(error.value).split("for example ")[1])
    assert sum(suggested) == 17
    check_groups(suggested, 17, [1024] * 17, 10)
    check_groups(None, 10, [1024] * 10, 10)
