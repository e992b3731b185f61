"""timing.json beside a record: written when a stage has finished, named in no manifest."""

import json

import pytest
from toy_experiment import toy_plan

from lifelong import store
from lifelong.jobs.runner import execute
from lifelong.plan.errors import UserError
from lifelong.plan.stage import Stage
from lifelong.records.durations import stage_seconds
from lifelong.stages import pack_data


@pytest.fixture
def stage(tmp_path, monkeypatch) -> Stage:
    """The stage that packs the digits, which takes a moment."""
    monkeypatch.chdir(tmp_path)
    return toy_plan(["scratch"]).pack_stage("digits")


def test_a_finished_stage_has_its_timing_beside_it(stage, tmp_path):
    execute(stage)
    folder = tmp_path / stage.folder
    timing = json.loads((folder / "timing.json").read_text())
    assert set(timing) == {"seconds", "cpu_seconds", "peak_mb", "command"}
    assert 0 < timing["seconds"] < 600 and timing["cpu_seconds"] > 0
    assert 10 < timing["peak_mb"] < 100_000
    assert stage_seconds(folder) == timing["seconds"]
    assert "timing.json" not in store.read_manifest(folder)["files"]


def test_a_stage_that_failed_has_none(stage, tmp_path, monkeypatch):
    def fail(stage: Stage) -> None:
        raise UserError("no")

    monkeypatch.setattr(pack_data, "run", fail)
    with pytest.raises(UserError, match="no"):
        execute(stage)
    assert [path.name for path in (tmp_path / stage.folder).iterdir()] == ["log.txt"]
