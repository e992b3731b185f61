"""Methods that share layers as a workflow: one of each kind, and what an edit runs again."""

from functools import partial
from typing import Any

import pandas as pd
import pytest
from edits import with_key
from workflow_tree import copy_workflow, snakemake, write_config

VARIANT = "hps_top1"
METHODS = ["stl", "snn", "hps", "lasem_hps", "brute_hps", "progressive", "den", "gated"]
LAST = {"tables", "report", "all"}
EXPERIMENT: dict[str, Any] = {
    "experiment": "tiny_layers",
    "methods": [*METHODS, VARIANT],
    "variants": {VARIANT: {"method": "hps", "layers": {"pattern": "top1"}}},
    "datasets": {
        "digits": {"source": "digits", "channels": 1, "draw": {"train": 6, "validation": 2}}
    },
    "tasks": [{"name": "x", "classes": [0, 1]}, {"name": "y", "classes": [8, 9]}],
    "network": {"name": "tiny_cnn2"},
    "layers": {"epochs": 2, "lr": 1e-3, "den": {"units": 2}},
}


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = copy_workflow(tmp_path_factory.mktemp("layers"))
    write_config(folder, EXPERIMENT)
    snakemake(folder, "--cores", "2")
    return folder


edited = partial(with_key, EXPERIMENT)


def stages(methods: set[str], tasks: str, kinds: str) -> set[str]:
    return {f"{m}/{t}/{k}" for m in methods for t in tasks.split() for k in kinds.split()}


def test_methods_run_through_the_workflow(finished):
    tables = finished / "results/tiny_layers/tables"
    summary = pd.read_csv(tables / "summary.csv").set_index("method")
    assert set(summary.index) == set(EXPERIMENT["methods"])
    assert (summary["tasks"] == 2).all() and summary["accuracy_mean"].between(0, 1).all()
    learning = pd.read_csv(tables / "learning.csv", dtype={"pattern": str})
    patterns = learning.set_index(["method", "task"])["pattern"]
    assert patterns[("stl", "x")] == "--" and patterns[(VARIANT, "y")] == "-S"
    assert snakemake(finished, "-n").count("Nothing to be done") == 1


def test_methods_of_a_run_learn_from_the_same_images(finished):
    base = finished / "results/tiny_layers"
    for task in ("01-x", "02-y"):
        tables = {path.read_text() for path in base.glob(f"*/s0/{task}/train/split.csv")}
        assert len(tables) == 1
    found = pd.read_csv(base / "stl/s0/01-x/train/split.csv")
    assert found.groupby(["split", "class"])["row"].nunique()["train"].tolist() == [6, 6]


def test_a_pattern_by_hand_trains_only_what_comes_after(dry):
    config = edited("tasks", 1, "sharing", "S-")
    choosing = {m for m in METHODS if m.startswith(("lasem", "darts", "brute"))}
    assert dry(config) == stages(choosing, "02-y", "select retrain infer") | LAST


def test_a_setting_of_one_method_runs_no_other(dry):
    config = edited("method_settings", {"den": {"layers": {"den": {"units": 3}}}})
    assert dry(config) == stages({"den"}, "01-x 02-y", "train select retrain infer") | LAST


def test_a_pattern_of_a_variant_leaves_its_method_alone(dry):
    config = edited("variants", VARIANT, "layers", "pattern", "bottom1")
    assert dry(config) == stages({VARIANT}, "01-x 02-y", "train select retrain infer") | LAST


def test_separate_networks_do_not_wait_for_each_other(dry):
    config = edited("tasks", 0, "draw", {"train": 5, "validation": 2})
    ran = dry(config)
    assert "stl/02-y/train" not in ran and "hps/02-y/train" in ran
