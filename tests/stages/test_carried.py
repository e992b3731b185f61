"""What methods that rank carry from task to task, beside the shards."""

import contextlib
from dataclasses import replace

import numpy as np
import pytest
from toy_experiment import run_toy, toy_plan

from lifelong.plan.errors import DamagedFile
from lifelong.plan.stage import Key
from lifelong.stages import train
from lifelong.store import read_arrays

FRESH = {"variants": {"anew": {"method": "wsn", "picking": {"scores": "fresh"}}}}


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    return run_toy(tmp_path_factory.mktemp("carried"), ["wsn", "anew"], **FRESH)


def arrays_of(results, method: str, task: str, file: str):
    return read_arrays(next((results / method / "s0").glob(f"{task}-*/{file}")))[0]


def test_a_first_task_is_the_same_whether_scores_are_carried_on_or_not(results):
    ours, theirs = (
        arrays_of(results, method, "01", "retrain/shard.h5") for method in ("wsn", "anew")
    )
    assert all(np.array_equal(ours[name], theirs[name]) for name in ours)


def test_carried_scores_use_fewer_new_weights_than_fresh_ones(results):
    owned = {}
    for method in ("wsn", "anew"):
        later = [arrays_of(results, method, task, "retrain/shard.h5") for task in ("02", "03")]
        owned[method] = sum(arrays["values"].size for arrays in later)
    assert owned["wsn"] < owned["anew"]


def test_what_another_task_left_is_refused(results):
    plan = toy_plan(["wsn", "anew"], **FRESH)
    stage = plan.stage(Key("train", "wsn", 0, 3))
    first = plan.file(Key("train", "wsn", 0, 1), "candidate.h5")
    wrong = replace(stage, inputs={**stage.inputs, "carried": first})
    with contextlib.chdir(results.parents[1]), pytest.raises(DamagedFile, match="another run"):
        train.run(wrong)
