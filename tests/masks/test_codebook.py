"""Weights at a few centres: exact to the bit in the file, near what they were."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from masks.test_ranked import BATCHES, learner, trained

from lifelong.masks import Model, shard_size
from lifelong.masks.codebook import bits_of, centres_of, codes_of, packed_codes, quantised, unpacked
from lifelong.masks.layout import part_from, shard_from, to_arrays
from lifelong.methods.tinysubnets import finish


def test_few_values_are_their_own_centres():
    values = np.array([3, 1, 1, 2], np.float32)
    centres = centres_of(values, 4)
    assert centres.tolist() == [1, 2, 3]
    assert codes_of(values, centres).tolist() == [2, 0, 0, 1]


def test_centres_of_two_heaps_are_their_means():
    values = np.array([0, 1, 2, 10, 11, 12], np.float32)
    assert centres_of(values, 2).tolist() == [1, 11]


@pytest.mark.parametrize(("centres", "bits"), [(1, 1), (2, 1), (3, 2), (16, 4), (17, 5), (256, 8)])
def test_a_code_takes_so_many_bits(centres, bits):
    assert bits_of(centres) == bits


@given(
    st.lists(st.lists(st.integers(0, 40), max_size=60), min_size=1, max_size=4), st.integers(2, 40)
)
def test_codes_come_back(layers, count):
    values = {str(i): np.array(one, np.float32) for i, one in enumerate(layers)}
    centres = {name: centres_of(one, count) for name, one in values.items()}
    near = {n: centres[n][codes_of(v, centres[n])] if v.size else v for n, v in values.items()}
    sizes = {name: one.size for name, one in values.items()}
    again = unpacked(packed_codes(near, centres), centres, sizes)
    assert all(np.array_equal(again[name], near[name]) for name in near)


@pytest.mark.parametrize("count", [16, 256])
def test_a_task_at_centres_is_read_back_and_takes_fewer_bytes(count):
    one = trained(learner())
    whole = Model().part(one.shard())
    few = quantised(one.shard(), count)
    one.set_own(few.values)
    x = BATCHES[0][0]
    expected = one.network.eval()(x)
    part = part_from(*to_arrays(Model().part(few)))
    assert {name: own.size <= count for name, own in part.centres.items()}
    model = Model()
    model.add(part)
    assert torch.equal(model.view(1)(x), expected)
    bits = 8 if count == 256 else 4
    codes = sum(values.size for values in few.values.values()) * bits / 8
    centres = 4 * sum(own.size for own in few.centres.values())
    assert 0.8 * codes + centres < shard_size(part)["values"] <= codes + centres + 1
    assert shard_size(whole)["values"] == 4 * sum(v.size for v in few.values.values())
    with pytest.raises(ValueError, match="missing"):
        unpacked(np.zeros(3, np.uint8), few.centres, {n: v.size for n, v in few.values.items()})


def test_a_working_file_at_centres_is_read_back():
    few = quantised(trained(learner()).shard(), 4)
    again = shard_from(*to_arrays(few))
    assert all(np.array_equal(again.values[name], few.values[name]) for name in few.values)


def test_own_weights_are_dropped_while_the_accuracy_stays():
    settings = {"rounds": 30, "share": 0.2, "allowed": 0.01}
    one = trained(learner())
    before = one.counts()["owned"]
    finish(one, lambda: 0.5, settings, seed=3)
    dropped = one.counts()["owned"]
    assert 0.2 * before < dropped < before
    smallest = {n: layer.value[layer.own()].abs().min() for n, layer in one.layers.items()}
    assert all(
        (layer.value[(layer.mask == 0)].abs() < smallest[name]).any()
        for name, layer in one.layers.items()
    )
    answers = iter([0.5, *[0.49] * 30])  # a fall by all that is allowed is too much
    finish(one, lambda: next(answers), settings, seed=3)
    assert one.counts()["owned"] == dropped


def test_weights_of_older_tasks_are_not_dropped():
    first = trained(learner())
    model = Model()
    model.add(first.shard())
    card = replace(first.card, position=2, task="b", lineage=("0",))
    second = trained(learner(model, first.working(), card, seed=2))
    picked = second.counts()["picked"]
    finish(second, lambda: 0.5, {"rounds": 30, "share": 0.5, "allowed": 0.01}, seed=3)
    assert second.counts()["picked"] == picked
    model.add(quantised(second.shard(), 16))
    x = BATCHES[0][0]
    second.set_own(quantised(second.shard(), 16).values)
    assert torch.equal(model.view(2)(x), second.network.eval()(x))
    assert torch.equal(model.view(1)(x), first.network.eval()(x))


@pytest.mark.parametrize("zeros", [0.5, 0.98])
def test_one_value_that_dominates_leaves_the_others_their_centres(zeros):
    values = np.random.RandomState(0).randn(10_000).astype(np.float32)
    values[: int(zeros * len(values))] = 0
    centres = centres_of(values, 16)
    assert len(centres) == 16
    near = centres[codes_of(values, centres)]
    assert np.square(near - values).mean() < 0.05 * values.var()
