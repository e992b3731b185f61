"""One column per task: what the newest sees of the older ones, and that these stay as they are."""

import pytest
import torch
from torch.nn import functional
from toy_layers import add, images, layer_card, new_learner, new_model, snapshot, stepped

from lifelong.layers.forms import LayerShape
from lifelong.layers.network import shapes_of
from lifelong.methods.progressive import Column, maps_of, seen_aside, start_side
from lifelong.nets.conv_stack import convolve, features


def learned(tasks: int, **changes):
    model = new_model("progressive")
    for _ in range(tasks):
        learner = new_learner("progressive", model, **changes)
        stepped(learner, seed=learner.card.position)
        add(model, learner)
    return model


def weights_of_sides(position: int, shrink: int, network: str = "cifar_cnn4") -> int:
    """Numbers with which a task looks at the columns before it."""
    card = layer_card("progressive", position, network=network, in_channels=3)
    generator = torch.Generator()
    sides = [
        start_side(shape, position - 1, shrink, generator)
        for shape in shapes_of(card)
        if shape.index
    ]
    return sum(tensor.numel() for side in sides for tensor in side.values())


@pytest.mark.parametrize(
    ("position", "shrink", "expected"),
    [
        # Of 32, 32 and 64 maps 8, 8 and 16 are left: scale, narrow with bias, convolve.
        (2, 2, (1 + 8 * 33 + 32 * 72) + (1 + 8 * 33 + 64 * 72) + (1 + 16 * 65 + 64 * 144)),
        (2, 1, (1 + 16 * 33 + 32 * 144) + (1 + 16 * 33 + 64 * 144) + (1 + 32 * 65 + 64 * 288)),
        # Two older columns: 32 / 6 = 5, 5 and 64 / 6 = 10 are left of each.
        (3, 2, 2 * ((1 + 5 * 33 + 32 * 45) + (1 + 5 * 33 + 64 * 45) + (1 + 10 * 65 + 64 * 90))),
    ],
)
def test_a_task_has_as_many_weights_beside_its_column_as_worked_by_hand(position, shrink, expected):
    assert weights_of_sides(position, shrink) == expected


def test_one_map_at_least_is_left_of_a_column():
    """Sixteen older columns and shrink 2: 32 / 34 would be none."""
    side = start_side(LayerShape(1, 3, 32, 32), 16, 2, torch.Generator())
    assert side["reduce"].shape == (16, 32, 1, 1) and side["weight"].shape == (32, 16, 3, 3)
    assert start_side(LayerShape(1, 3, 32, 32), 15, 2, torch.Generator())["bias"].shape == (15,)


def test_what_is_seen_aside_is_the_sum_over_older_columns():
    """As the formula has it, column by column."""
    shape = LayerShape(1, 3, 8, 6)
    side = start_side(shape, 3, 1, torch.Generator().manual_seed(1))
    maps = [images(4, seed, 5, 8) for seed in range(3)]
    fewer = 8 // 4
    expected = torch.zeros(4, 6, 5, 5)
    for column, here in enumerate(maps):
        part = slice(column * fewer, (column + 1) * fewer)
        narrow = functional.conv2d(
            side["alpha"][column] * here, side["reduce"][part], side["bias"][part]
        )
        expected += functional.conv2d(narrow.relu(), side["weight"][:, part], padding=1)
    assert torch.allclose(seen_aside(side, maps), expected, atol=1e-6)


def test_by_hand_on_one_pixel():
    """0.5 x 4 scaled, - 1 + 0.25 narrowed to nothing or 3 x 2 + 0.25 = 6.25, then twice that."""
    side = {
        "alpha": torch.tensor([0.5]),
        "reduce": torch.tensor([-1.0, 3.0]).reshape(2, 1, 1, 1),
        "bias": torch.tensor([0.25, 0.25]),
        "weight": torch.tensor([7.0, 2.0]).reshape(1, 2, 1, 1),
    }
    assert seen_aside(side, [torch.full((1, 1, 1, 1), 4.0)]).item() == 12.5


def test_the_first_column_is_a_network_of_its_own():
    first = new_learner("progressive")
    assert not [name for name in first.tensors if "side" in name]
    column = Column.of(first.tensors, first.card, 2)
    x = images()
    expected = features(x, first.card.stack, column.filters)
    assert torch.equal(first.features(x), expected)


def test_later_columns_look_from_the_second_layer_on():
    third = new_learner("progressive", learned(2))
    sides = {name.split(".")[2] for name in third.tensors if "side" in name}
    assert sides == {"1"}
    assert third.tensors["t003.side.1.alpha"].shape == (2,)
    assert len(third.columns) == 2 and len(third.columns[0].filters) == 1  # the last is not seen


def test_what_is_seen_aside_is_added_before_relu():
    second, x = new_learner("progressive", learned(1)), images()
    (older,), column = second.columns, second.column
    below = functional.max_pool2d(convolve(x, older.filters[0]).relu(), 2)
    here = functional.max_pool2d(convolve(x, column.filters[0]).relu(), 2)
    top = convolve(here, column.filters[1]) - 1.0
    second.tensors["t002.own.1.bias"].data.sub_(1.0)  # so that some are below zero
    aside = seen_aside(column.sides[1], [below])
    assert (top < 0).any() and (aside != 0).any()
    expected = functional.max_pool2d((top + aside).relu(), 2).flatten(1)
    assert torch.allclose(second.features(x), expected, atol=1e-6)


def test_older_columns_are_neither_trained_nor_written():
    model = learned(2)
    third = new_learner("progressive", model)
    older = [tensor.clone() for column in third.columns for one in column.filters for tensor in one]
    stepped(third, 5)
    after = [tensor for column in third.columns for one in column.filters for tensor in one]
    assert all(torch.equal(one, other) for one, other in zip(older, after, strict=True))
    assert {name[:5] for name in add(model, third)} == {"t003."}


def test_all_of_a_new_column_is_trained():
    third = new_learner("progressive", learned(2))
    before = snapshot(third)
    stepped(third)
    assert not [name for name, tensor in before.items() if torch.equal(tensor, third.state()[name])]


def test_older_tasks_say_the_same_for_ever():
    x, models = images(), [learned(tasks) for tasks in (1, 2, 3)]
    with torch.no_grad():
        said = [model.view(1)(x) for model in models]
    assert torch.equal(said[0], said[1]) and torch.equal(said[0], said[2])
    assert new_learner("progressive", learned(1)).older(1) is None


def test_a_task_needs_the_columns_before_it_and_says_what_it_said_in_training():
    model = learned(2)
    third = new_learner("progressive", model)
    stepped(third)
    add(model, third)
    x = images()
    with torch.no_grad():
        assert torch.equal(third.network(x), model.view(3)(x))
        said = model.view(3)(x)
        model.tensors["t001.own.0.weight"] += 1.0
        assert not torch.equal(model.view(3)(x), said)


def test_older_columns_see_those_before_them():
    """The maps of the second column, but for its first layer, depend on the first column."""
    changes = {"network": "cifar_cnn4", "channels": 1 / 8}
    third, x = new_learner("progressive", learned(2, **changes), **changes), images()
    with torch.no_grad():
        before = maps_of(third.columns, x)
        assert [maps.shape for maps in before[1]] == [(12, 4, 8, 8), (12, 4, 4, 4), (12, 8, 4, 4)]
        third.columns[0].filters[0][0].mul_(2)
        after = maps_of(third.columns, x)
    same = [torch.equal(one, other) for one, other in zip(before[1], after[1], strict=True)]
    assert same == [True, False, False]


def test_a_network_with_skips_has_columns_too():
    changes = {"network": "cifar_resnet17", "channels": 1 / 16, "image_size": 16}
    model = new_model("progressive")
    add(model, new_learner("progressive", model, **changes))
    second = new_learner("progressive", model, **changes)
    assert second.network(images(2, side=16)).shape == (2, 3)


def test_what_skips_is_added_before_relu_unlike_in_the_other_methods():
    """x + conv of a layer that a skip ends in, then ReLU; what enters the layers is positive."""
    learner = new_learner("progressive", network="cifar_resnet17", channels=1 / 16, image_size=16)
    stack, filters = learner.column.stack, learner.column.filters
    (start, end), *_ = stack.skips
    learner.tensors[f"t001.own.{end}.bias"].data.sub_(0.3)  # so that some are below zero
    _, maps = learner.column.features(images(2, side=16), [])
    added = maps[start - 1] + convolve(maps[end - 1], filters[end])
    assert (convolve(maps[end - 1], filters[end]) < 0).any()
    assert torch.allclose(maps[end], added.relu(), atol=1e-6)
