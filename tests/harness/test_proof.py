"""The proof that nothing was forgotten can fail, and tells a changed task from another machine."""

import contextlib
import shutil
from pathlib import Path

import pytest
import torch
from toy_experiment import TASKS, toy_plan

from lifelong import store
from lifelong.jobs.driver import run_stage
from lifelong.masks import Model
from lifelong.plan.errors import DamagedFile
from lifelong.plan.stage import Key


@pytest.fixture
def again(undisturbed, tmp_path):
    """A copy of the finished experiment, as the working folder."""
    shutil.copytree(undisturbed.parents[1], tmp_path / "copy")
    with contextlib.chdir(tmp_path / "copy"):
        yield toy_plan(["cpg"])


def last_infer(plan):
    return plan.stage(Key("infer", "cpg", 0, len(TASKS)))


def test_other_rounding_is_told_from_forgetting(again):
    stage = last_infer(again)
    before = Path(stage.input("before"))
    logits, attrs = store.read_arrays(before)
    attrs.pop("format")
    logits["001"] = logits["001"] * (1 + 1e-6)
    digest = store.write_arrays(before, logits, attrs)
    manifest = store.read_manifest(before.parent)
    files = manifest.pop("files") | {before.name: digest}
    manifest.pop("format")
    store.write_manifest(before.parent, files, **manifest)
    run_stage(stage)
    assert store.read_manifest(Path(stage.folder))["outcome"]["changed"] == [TASKS[0]]


def test_a_task_that_changes_with_a_later_one_is_refused(again, monkeypatch):
    real = Model.view

    def leaking(model, position, device="cpu"):
        network = real(model, position, device)
        if position == 1 and len(model.shards) == len(TASKS):
            with torch.no_grad():
                network.head.bias += 1e-6
        return network

    monkeypatch.setattr(Model, "view", leaking)
    with pytest.raises(DamagedFile, match=f"task {TASKS[0]} no longer gives the logits"):
        run_stage(last_infer(again))
