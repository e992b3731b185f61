"""Pairs of faces as a metric of a task: who measures them, and that the numbers are the room's."""

import contextlib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from face_trees import draw_lfw, draw_orl, draw_utkface
from toy_experiment import toy_config

from lifelong import store
from lifelong.data.pack import read_pairs
from lifelong.faces.pairs import Pairs, verify, with_mirror
from lifelong.jobs.driver import run_experiment
from lifelong.plan.config import check
from lifelong.plan.plan import Plan
from lifelong.records.rows import read
from lifelong.work.shards import read_model

FACES = {"prealigned": True, "image_size": 24}
DATASETS = {
    "orl": {"source": "identity_folders", "root": "orl", **FACES},
    "utk": {"source": "utkface", "root": "utk", "labels": "gender", **FACES},
    "lfw": {"source": "lfw", "root": "lfw/images", "pairs": "lfw/pairs.txt", **FACES},
}
TASKS = [
    {"name": "who", "dataset": "orl", "loss": {"kind": "a_softmax"}}
    | {"pairs": {"dataset": "lfw", "distance": "pae"}},
    {"name": "gender", "dataset": "utk"},
]
METRICS = {
    f"verification_{name}"
    for name in (
        *("accuracy", "std_population", "standard_error", "auc", "equal_error_rate"),
        *("tar", "far", "far_target"),
    )
}


@pytest.fixture(scope="module")
def results(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("pairs")
    draw_orl(folder / "orl")
    draw_utkface(folder / "utk", (5, 30), each=6)
    draw_lfw(folder / "lfw")
    goals = {"policy": "given", "given": {"who": 0.1, "gender": 0.1}}
    few = {"epochs": 2, "lr": 0.01}
    methods = ["scratch", "finetune", "cpg"]
    config = toy_config(methods, datasets=DATASETS, tasks=TASKS, goals=goals)
    config |= {"train": few | {"min_train_accuracy": 0.0}, "baseline": few | {"repetitions": 2}}
    with contextlib.chdir(folder):
        run_experiment(Plan(check(config)))
    return folder / "results" / "toy"


@pytest.mark.parametrize(("method", "networks"), [("scratch", 1), ("finetune", 2), ("cpg", 1)])
def test_the_task_that_has_pairs_measures_each_of_its_networks_once(results, method, networks):
    first, second = (
        read(results / method / "s0" / task / "infer" / "record.csv")
        for task in ("01-who", "02-gender")
    )
    found = [row for row in first if row.metric != "accuracy"]
    measured = sorted((row.attempt, row.metric) for row in found)
    assert measured == [(i, metric) for i in range(networks) for metric in sorted(METRICS)]
    assert {(row.on_task, row.split) for row in found} == {("who", "test")}
    assert all(0 <= row.value <= 1 for row in found)
    assert {row.metric for row in second} == {"accuracy"}


@pytest.mark.parametrize(
    ("shard", "attempt"),
    [
        ("cpg/s0/01-who/retrain/shard.h5", 0),
        ("finetune/s0/01-who/baseline/shard.h5", 0),
        ("finetune/s0/01-who/baseline/repeat-1.h5", 1),
    ],
)
def test_the_numbers_are_those_of_the_protocol_on_the_embeddings(results, shard, attempt):
    images, pairs = read_pairs(results / "pack_data" / "lfw" / "pack.h5")
    model = read_model([results / shard])
    card, network = model.shards[0].card, model.view(1)
    mean, std = (torch.tensor(values).view(1, -1, 1, 1) for values in (card.mean, card.std))
    x = (torch.from_numpy(images).float() / 255 - mean) / std
    with torch.inference_mode():
        vectors = [network.embedding(one).numpy() for one in (x, x.flip(-1))]
    assert vectors[0].shape == (8, 128)  # before the directions of the angular head
    listed = Pairs(pairs[:, 0], pairs[:, 1], pairs[:, 2] == 1, pairs[:, 3])
    expected = verify(with_mirror(*vectors), listed, "pae")
    rows = read((results / shard).parents[1] / "infer" / "record.csv")
    mine = [row for row in rows if row.attempt == attempt]
    found = {row.metric.removeprefix("verification_"): row.value for row in mine}
    for name in ("std_population", "standard_error", "auc", "equal_error_rate", "tar", "far"):
        assert np.isclose(found[name], getattr(expected, name), atol=1e-6), name


def test_tables_hold_accuracies_of_tasks_alone(results):
    table = pd.read_csv(results / "tables" / "summary.csv").set_index("method")
    assert table.loc["cpg", "tasks"] == 2
    verified = pd.read_csv(results / "tables" / "verification.csv")
    assert verified["method"].tolist() == ["scratch", "finetune", "cpg"]
    assert verified["networks"].tolist() == [1, 2, 1]
    assert "<h2>Same person or not</h2>" in (results / "report" / "index.html").read_text()
    infer = store.read_manifest(results / "cpg" / "s0" / "02-gender" / "infer")
    assert not any("lfw" in path for path in infer["inputs"])
