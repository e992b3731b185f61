"""Separate networks and masks over weights: what every method of these families must do."""

import shutil
from pathlib import Path

import every_method
import numpy as np
import pandas as pd
import pytest
from known_methods import NETWORK_METHODS
from toy_experiment import TASKS, run_whole_toy

from lifelong.masks import shard_size
from lifelong.plan.methods import METHODS
from lifelong.store import read_arrays
from lifelong.use.load import finished_model
from lifelong.work.shards import load_part


@pytest.mark.parametrize("method", NETWORK_METHODS)
def test_learns(undisturbed, method):
    every_method.learns(undisturbed, method)


@pytest.mark.parametrize("method", NETWORK_METHODS)
def test_never_forgets(undisturbed, method):
    every_method.never_forgets(undisturbed, method)


@pytest.mark.parametrize("method", [name for name in NETWORK_METHODS if METHODS[name].expands])
def test_the_toy_expands_between_tasks(undisturbed, method):
    model, _ = finished_model(undisturbed / method / "s0")
    widths = [shard.card.width for shard in model.shards]
    assert widths[0] == 1.0 and widths[-1] > 1.0, widths
    assert list((undisturbed / method / "s0").glob("02-*/expand/a1/candidate.h5"))


@pytest.mark.parametrize("method", NETWORK_METHODS)
def test_the_size_report_equals_the_bytes_on_disk(undisturbed, method):
    table = every_method.says_its_size(undisturbed, method)
    _, paths = finished_model(undisturbed / method / "s0")
    for path in paths:
        shard = load_part(path)
        line = table.loc[shard.card.task]
        parts = shard_size(shard)
        assert parts == {name: line[f"bytes_{name}"] for name in parts}
        assert 0 < line["bytes_file"] - sum(parts.values()) < 8_000  # HDF5's own and the card
        assert line["weights_owned"] == sum(values.size for values in shard.values.values())
        assert line["weights_other"] == sum(values.size for values in shard.dense.values())


@pytest.mark.parametrize("method", NETWORK_METHODS)
def test_a_model_is_read_from_its_folder(undisturbed, method):
    every_method.is_read_from_its_folder(undisturbed, method, list(TASKS))


def test_methods_start_alike(undisturbed):
    """What two methods do alike they do with the same bits: no seed depends on a method's name."""
    first = [undisturbed / method / "s0" / f"01-{TASKS[0]}" for method in ("pae", "cpg")]
    (one, _), (other, _) = (read_arrays(folder / "train" / "candidate.h5") for folder in first)
    assert one.keys() == other.keys()
    assert all(np.array_equal(one[name], other[name]) for name in one)


def test_the_accuracy_table_has_every_task_after_every_task(undisturbed):
    table = pd.read_csv(undisturbed / "tables" / "accuracy.csv")
    assert len(table) == len(NETWORK_METHODS) * 6  # 1 + 2 + 3
    assert set(table["split"]) == {"test"}


def test_decisions_never_look_at_the_test_split(undisturbed):
    for path in undisturbed.glob("*/s0/*/*/record.csv"):
        splits = set(pd.read_csv(path)["split"].dropna())
        assert splits == {"test"} if path.parent.name == "infer" else "test" not in splits, path


def test_a_finished_experiment_is_not_run_again(undisturbed, tmp_path):
    results = Path(shutil.copytree(undisturbed, tmp_path / "results" / undisturbed.name))
    stages = [path for path in results.rglob("manifest.json") if "s0" in path.parts]
    before = {path: path.stat().st_mtime_ns for path in stages}
    run_whole_toy(tmp_path, NETWORK_METHODS)
    assert before == {path: path.stat().st_mtime_ns for path in stages}
    assert Path(results / "report" / "index.html").is_file()
