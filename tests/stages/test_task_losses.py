"""Losses from the configuration through every stage that trains."""

import pandas as pd
import pytest
from toy_experiment import CLASSES, run_whole_toy

from lifelong import store
from lifelong.use.load import finished_model
from lifelong.work.shards import load_part

LOSSES = (
    {"kind": "a_softmax", "margin": 2},
    {"kind": "weighted"},
    {"kind": "expectation", "values": {"5": 5.0, "4": 4.0}},
)
TASKS = [
    {"name": name, "classes": classes, "loss": loss}
    for (name, classes), loss in zip(CLASSES.items(), LOSSES, strict=True)
]
HEADS = ["angular", "linear", "linear"]


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    goals = {"policy": "given", "given": dict.fromkeys(CLASSES, 0.5)}
    folder = tmp_path_factory.mktemp("losses")
    return run_whole_toy(folder, ["scratch", "finetune", "cpg"], tasks=TASKS, goals=goals)


@pytest.mark.parametrize("method", ["scratch", "finetune", "cpg"])
def test_tasks_learn_by_their_losses_and_keep_their_heads(results, method):
    model, _ = finished_model(results / method / "s0")
    assert [part.card.head for part in model.shards] == HEADS
    summary = pd.read_csv(results / "tables" / "summary.csv").set_index("method")
    assert summary.loc[method, "accuracy_mean"] > 0.85
    for folder in (results / method / "s0").glob("*/infer"):
        assert store.read_manifest(folder)["outcome"]["changed"] == []


def test_only_the_angular_head_has_an_embedding_before_its_directions(results):
    for path in sorted((results / "cpg" / "s0").glob("*/retrain/shard.h5")):
        part = load_part(path)
        names = {name for name in part.dense if name.startswith("head.")}
        angular = {"head.0.weight", "head.0.bias", "head.1.weight"}
        assert names == (angular if part.card.head == "angular" else {"head.weight", "head.bias"})


def test_losses_stand_in_the_specs_of_their_tasks_alone(results):
    for kind in ("train", "prune", "retrain"):
        folders = sorted((results / "cpg" / "s0").glob(f"*/{kind}"))
        assert [store.read_manifest(f)["spec"]["loss"] for f in folders] == list(LOSSES)
    infer = store.read_manifest(results / "cpg" / "s0" / "01-zero_six" / "infer")
    assert "loss" not in infer["spec"]
