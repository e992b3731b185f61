"""What every method must do: learn, not forget, say its true size, resume. No special cases."""

import contextlib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from harness_tree import Killed, content, die_after
from toy_experiment import TASKS, run_toy

from lifelong import store
from lifelong.masks import Model, shard_size
from lifelong.methods import METHODS
from lifelong.plan.methods import SHAPES
from lifelong.stages.shards import finished_model, load_part


def test_every_method_has_a_shape():
    assert set(METHODS) == set(SHAPES)
    assert all(METHODS[name].alone != SHAPES[name].shares for name in METHODS)


@pytest.mark.parametrize("method", METHODS)
def test_learns(undisturbed, method):
    summary = pd.read_csv(undisturbed / "tables" / "summary.csv").set_index("method")
    assert summary.loc[method, "tasks"] == len(TASKS)
    assert summary.loc[method, "accuracy_mean"] > 0.85


@pytest.mark.parametrize("method", METHODS)
def test_never_forgets(undisturbed, method):
    seen: dict[str, np.ndarray] = {}
    for folder in sorted((undisturbed / method / "s0").glob("*/infer")):
        logits, _ = store.read_arrays(folder / "logits.h5")
        assert store.read_manifest(folder)["outcome"]["changed"] == []
        for task, values in logits.items():
            assert np.array_equal(seen.setdefault(task, values), values), task
    assert len(seen) == len(TASKS)
    summary = pd.read_csv(undisturbed / "tables" / "summary.csv").set_index("method")
    assert summary.loc[method, "forgetting_mean"] == 0.0 and summary.loc[method, "bwt"] == 0.0


@pytest.mark.parametrize("method", [name for name in METHODS if SHAPES[name].expands])
def test_the_toy_expands_between_tasks(undisturbed, method):
    model, _ = finished_model(undisturbed / method / "s0")
    widths = [shard.card.width for shard in model.shards]
    assert widths[0] == 1.0 and widths[-1] > 1.0, widths
    assert list((undisturbed / method / "s0").glob("02-*/expand/a1/candidate.h5"))


@pytest.mark.parametrize("method", METHODS)
def test_the_size_report_equals_the_bytes_on_disk(undisturbed, method):
    model, paths = finished_model(undisturbed / method / "s0")
    table = pd.read_csv(undisturbed / "tables" / "size.csv")
    table = table[table["method"] == method].set_index("task")
    assert [part.card.task for part in model.shards] == list(table.index)
    for path in paths:
        shard = load_part(path)
        line = table.loc[shard.card.task]
        assert line["bytes_file"] == path.stat().st_size
        parts = shard_size(shard)
        assert parts == {name: line[f"bytes_{name}"] for name in parts}
        assert 0 < line["bytes_file"] - sum(parts.values()) < 8_000  # HDF5's own and the card
        assert line["weights_owned"] == sum(values.size for values in shard.values.values())
    summary = pd.read_csv(undisturbed / "tables" / "summary.csv").set_index("method")
    on_disk = sum(path.stat().st_size for path in paths) / 2**20
    assert summary.loc[method, "size_mb"] == pytest.approx(on_disk, rel=1e-12)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("steps", [5, 100])
def test_killed_and_run_again_gives_the_same_bytes(
    undisturbed, method, steps, tmp_path, monkeypatch
):
    monkeypatch.setattr("lifelong.stages.resume.SAVE_EVERY_S", 0.03)
    monkeypatch.setattr("lifelong.stages.resume.SHARE_OF_TIME", 1.0)  # however long it takes
    with pytest.MonkeyPatch.context() as patch, contextlib.suppress(Killed):
        die_after(patch, steps)
        run_toy(tmp_path, [method])
        pytest.fail("the run was never killed")
    results = run_toy(tmp_path, [method])
    expected = content(undisturbed / method)
    assert content(results / method) == expected
    assert not list(tmp_path.rglob(".resume*")) and not list(tmp_path.rglob("*.tmp"))


@pytest.mark.parametrize("method", METHODS)
def test_a_model_is_read_from_its_folder(undisturbed, method):
    model, _ = finished_model(undisturbed / method / "s0")
    assert isinstance(model, Model)
    assert [shard.card.task for shard in model.shards] == list(TASKS)
    assert [shard.card.position for shard in model.shards] == [1, 2, 3]


def test_the_accuracy_table_has_every_task_after_every_task(undisturbed):
    table = pd.read_csv(undisturbed / "tables" / "accuracy.csv")
    assert len(table) == len(METHODS) * 6  # 1 + 2 + 3
    assert set(table["split"]) == {"test"}


def test_decisions_never_look_at_the_test_split(undisturbed):
    for path in undisturbed.glob("*/s0/*/*/record.csv"):
        splits = set(pd.read_csv(path)["split"].dropna())
        assert splits == {"test"} if path.parent.name == "infer" else "test" not in splits, path


def test_a_finished_experiment_is_not_run_again(undisturbed):
    stages = [path for path in undisturbed.rglob("manifest.json") if "s0" in path.parts]
    before = {path: path.stat().st_mtime_ns for path in stages}
    run_toy(undisturbed.parents[1], list(METHODS))
    assert before == {path: path.stat().st_mtime_ns for path in stages}
    assert Path(undisturbed / "report" / "index.html").is_file()
