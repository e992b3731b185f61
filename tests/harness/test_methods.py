"""What every method must do: learn, not forget, say its true size, resume. No special cases."""

import contextlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from harness_tree import Killed, content, die_after
from toy_experiment import LAYER_CLASSES, TASKS, run_toy

from lifelong import store
from lifelong.layers.model import LayerModel
from lifelong.masks import Model, shard_size
from lifelong.methods import LAYER_METHODS, METHODS
from lifelong.plan.methods import SHAPES
from lifelong.plan.patterns import SHARED
from lifelong.use.load import finished_model
from lifelong.work import work as base
from lifelong.work.shards import load_layers, load_part

ALL = [*METHODS, *LAYER_METHODS]
ISOLATING = [*METHODS, *(name for name, one in LAYER_METHODS.items() if one.isolates)]
DRIFTING = [name for name in ALL if name not in ISOLATING]


def summary_of(results: Path, method: str) -> pd.Series:
    return pd.read_csv(results / "tables" / "summary.csv").set_index("method").loc[method]


def test_every_method_has_a_shape():
    assert set(ALL) == set(SHAPES)
    assert all({**METHODS, **LAYER_METHODS}[name].alone == SHAPES[name].alone for name in ALL)
    assert [name for name in ALL if SHAPES[name].layered] == list(LAYER_METHODS)


@pytest.mark.parametrize("method", ALL)
def test_learns(finished, method):
    summary = summary_of(finished, method)
    assert summary["tasks"] == 3
    assert summary["accuracy_last"] > 0.85
    assert summary["accuracy_mean"] > (0.85 if method in ISOLATING else 0.6)


@pytest.mark.parametrize("method", ISOLATING)
def test_never_forgets(finished, method):
    seen: dict[str, np.ndarray] = {}
    for folder in sorted((finished / method / "s0").glob("*/infer")):
        logits, _ = store.read_arrays(folder / "logits.h5")
        assert store.read_manifest(folder)["outcome"]["changed"] == []
        for task, values in logits.items():
            assert np.array_equal(seen.setdefault(task, values), values), task
    assert len(seen) == 3
    summary = summary_of(finished, method)
    assert summary["forgetting_mean"] == 0.0 and summary["bwt"] == 0.0


@pytest.mark.parametrize("method", DRIFTING)
def test_old_tasks_follow_what_they_share_and_nothing_else(finished, method):
    """A task's logits change only where a later task wrote something that its network reads."""
    model, paths = finished_model(finished / method / "s0")
    written = [set(load_layers(path).tensors) for path in paths]
    for position, card in enumerate(model.cards, 1):
        later = set().union(*written[position:])
        readable = {name for name in later if name.startswith(("shared.", card.own))}
        manifests = [
            store.read_manifest(folder)["outcome"]["changed"]
            for folder in sorted((finished / method / "s0").glob("*/infer"))[position:]
        ]
        moved = any(card.task in changed for changed in manifests)
        assert readable or not moved, card.task


@pytest.mark.parametrize("method", [name for name in ALL if name.startswith(("lasem", "darts"))])
def test_live_and_committed_differ_only_where_layers_were_rolled_back(finished, method):
    for folder in sorted((finished / method / "s0").glob("*-*")):
        records = [pd.read_csv(folder / stage / "record.csv") for stage in ("train", "retrain")]
        live, committed = (
            found[(found["metric"] == "accuracy") & (found["split"] == "validation")]
            for found in records
        )
        live = live[live["epoch"] == live["epoch"].max()].set_index("on_task")["value"]
        model, _ = finished_model(finished / method / "s0")
        patterns = {card.task: card.pattern for card in model.cards}
        here = patterns[live.index[0]]
        for task, value in committed.set_index("on_task")["value"].items():
            layers = zip(patterns[task], here, strict=True)
            back = [theirs == SHARED != ours for theirs, ours in layers]
            if task in live and not any(back):
                assert live[task] == value, (folder.name, task)


@pytest.mark.parametrize("method", [name for name in METHODS if SHAPES[name].expands])
def test_the_toy_expands_between_tasks(undisturbed, method):
    model, _ = finished_model(undisturbed / method / "s0")
    widths = [shard.card.width for shard in model.shards]
    assert widths[0] == 1.0 and widths[-1] > 1.0, widths
    assert list((undisturbed / method / "s0").glob("02-*/expand/a1/candidate.h5"))


@pytest.mark.parametrize("method", LAYER_METHODS)
def test_the_layers_size_report_equals_the_bytes_on_disk(finished, method):
    model, paths = finished_model(finished / method / "s0")
    table = pd.read_csv(finished / "tables" / "size.csv")
    table = table[table["method"] == method].set_index("task")
    assert list(table["bytes_file"]) == [path.stat().st_size for path in paths]
    in_use = sum(tensor.numel() * tensor.element_size() for tensor in model.tensors.values())
    overhead = table["bytes_file"].sum() - table["bytes_superseded"].sum() - in_use
    assert 0 < overhead < 20_000 * len(paths)  # HDF5's own and the cards
    summary = summary_of(finished, method)
    on_disk = (table["bytes_file"].sum() - table["bytes_superseded"].sum()) / 2**20
    assert summary["size_mb"] == pytest.approx(on_disk, rel=1e-12)


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


@pytest.mark.parametrize("method", ALL)
@pytest.mark.parametrize("steps", [5, 100])
def test_killed_and_run_again_gives_the_same_bytes(finished, method, steps, tmp_path, monkeypatch):
    monkeypatch.setattr("lifelong.work.resume.SAVE_EVERY_S", 0.03)
    monkeypatch.setattr("lifelong.work.resume.SHARE_OF_TIME", 1.0)  # however long it takes
    with pytest.MonkeyPatch.context() as patch, contextlib.suppress(Killed):
        die_after(patch, steps)
        run_toy(tmp_path, [method])
        pytest.fail("the run was never killed")
    results = run_toy(tmp_path, [method])
    expected = content(finished / method)
    assert content(results / method) == expected
    assert not list(tmp_path.rglob(".resume*")) and not list(tmp_path.rglob("*.tmp"))


@pytest.mark.parametrize("method", ALL)
def test_a_model_is_read_from_its_folder(finished, method):
    model, _ = finished_model(finished / method / "s0")
    assert isinstance(model, LayerModel if method in LAYER_METHODS else Model)
    tasks = LAYER_CLASSES if method in LAYER_METHODS else TASKS
    assert [shard.card.task for shard in model.shards] == list(tasks)
    assert [shard.card.position for shard in model.shards] == [1, 2, 3]


@pytest.mark.parametrize("method", LAYER_METHODS)
def test_no_weight_depends_on_the_test_split(finished, method, tmp_path, monkeypatch):
    """Its curves are in the record, but another test split gives the same files of weights."""
    real = base.task_data

    def without_test(*arguments, **named):
        data = real(*arguments, **named)
        return replace(data, test=data.train)

    monkeypatch.setattr(base, "task_data", without_test)
    results = run_toy(tmp_path, [method])
    for name in ("candidate.h5", "shard.h5"):
        for path in (results / method).rglob(name):
            other = finished / path.relative_to(results)
            assert path.read_bytes() == other.read_bytes(), path
    other = finished / method
    record = next((results / method).rglob("train/record.csv"))
    assert record.read_text() != (other / record.relative_to(results / method)).read_text()


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
