"""Layers that a task does not share are rolled back: bit for bit, and only they."""

import numpy as np
import pytest
from toy_experiment import LAYER_CLASSES, run_toy

from lifelong import store
from lifelong.store import read_manifest
from lifelong.work.shards import load_layers

BY_HAND = ("SS", "-S", "--")


@pytest.fixture(scope="module", params=["lasem_hps", "lasem_tf", "darts_hps"])
def learned(request, tmp_path_factory):
    """The folders of three tasks whose patterns are set by hand."""
    tasks = [
        {"name": name, "classes": classes, "sharing": pattern}
        for (name, classes), pattern in zip(LAYER_CLASSES.items(), BY_HAND, strict=True)
    ]
    place = tmp_path_factory.mktemp("rollback")
    results = run_toy(place, [request.param], tasks=tasks)
    return sorted((results / request.param / "s0").glob("*-*"))


def test_a_pattern_set_by_hand_wins(learned):
    chosen = [store.read_json(folder / "select" / "selected.json") for folder in learned]
    assert [one["pattern"] for one in chosen] == list(BY_HAND)
    assert all(one["reason"] == "set by hand in the configuration" for one in chosen)


def test_only_shared_layers_are_written_again(learned):
    tensors = [load_layers(folder / "retrain" / "shard.h5").tensors for folder in learned]
    layers = [{name.split(".")[1] for name in one if name.startswith("shared.")} for one in tensors]
    assert layers == [{"0", "1"}, {"1"}, set()]
    candidate = load_layers(learned[2] / "train" / "candidate.h5").tensors
    moved = [name for name in tensors[0] if name.startswith("shared.")]
    assert moved and any(not np.array_equal(candidate[n], tensors[1].get(n, 0)) for n in moved)


def test_old_tasks_are_bit_equal_after_a_task_that_shares_nothing(learned):
    assert read_manifest(learned[1] / "infer")["outcome"]["changed"] == ["zero_six"]
    assert read_manifest(learned[2] / "infer")["outcome"]["changed"] == []
    before, _ = store.read_arrays(learned[1] / "infer" / "logits.h5")
    after, _ = store.read_arrays(learned[2] / "infer" / "logits.h5")
    assert all(np.array_equal(before[task], after[task]) for task in before)
