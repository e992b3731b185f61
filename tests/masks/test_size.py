"""Sizes by the arithmetic of the papers."""

import dataclasses

import numpy as np
import pytest
import torch
from toy import card_of

from lifelong.masks import Part, Shard, shard_size
from lifelong.masks.size import separate_network

MIB = 2**20


def test_a_separate_vgg16_weighs_what_the_recipe_counts():
    card = dataclasses.replace(card_of(1, network="vgg16_bn"), channels=1.0, classes=tuple("abcde"))
    shard = Shard(card, {}, {}, {}, None, {})
    with torch.device("meta"):
        found = separate_network(shard)
    assert found["weights"] == 33_584_832
    # float32: weights, four numbers a norm channel, biases of the hidden layers, the head
    assert found["bytes"] == 4 * (33_584_832 + 4 * 4_224 + 8_192 + 20_485)
    assert 20 * 4 * found["weights"] / MIB == pytest.approx(2562.3, abs=0.1)


def test_the_published_megabytes_follow_from_weights_norms_heads_and_mask_bits():
    # ResNet-50 on six tasks: Scratch 554, PackNet 115, Piggyback and CPG 121 MiB, truncated
    weights, norms, heads = 23_454_912, 26_560, 2049 * 1943
    scratch = 4 * (6 * weights + 6 * 4 * norms + heads)
    shared = 4 * (weights + 6 * 4 * norms + heads)
    published = [scratch, shared + 3 * weights / 8, shared + 5 * weights / 8]
    assert [int(size / MIB) for size in published] == [554, 115, 121]


def test_a_shard_counts_values_owner_bits_picking_bits_and_own_tensors():
    shard = Shard(
        card_of(2),
        {"a": (5, 5)},
        values={"a": np.zeros(9, np.float32)},
        owned={"a": np.arange(20) < 9},
        picks={"a": np.zeros(5, bool)},
        dense={"head.weight": np.zeros((3, 4), np.float32)},
    )
    # 9 of 20 places: 3 bytes as bits, 9 as gaps
    assert shard_size(shard) == {"values": 36, "owned": 3, "picks": 1, "dense": 48}


def test_many_tasks_need_a_byte_a_weight_to_say_where_it_lies():
    # 2 of 1000 entries in each of 5 tasks, 400 apart: a byte each and one more for the long way
    shapes = {"a": (1000,)}  # 125 bytes as bits
    for first in range(5):
        places = {"a": np.array([first, first + 400], np.int32)}
        values = {"a": np.ones(2, np.float32)}
        part = Part(card_of(1), shapes, values, places, None, {"a": 0}, {})
        assert shard_size(part) == {"values": 8, "owned": 3, "picks": 0, "dense": 0}


def test_a_task_that_owns_everything_needs_no_owner_bits():
    shard = Shard(card_of(1), {"a": (4,)}, {"a": np.zeros(4)}, {"a": np.ones(4, bool)}, None, {})
    assert shard_size(shard)["owned"] == shard_size(shard)["picks"] == 0
