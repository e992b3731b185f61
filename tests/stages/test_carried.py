"""What methods that rank carry from task to task, beside the shards."""

import contextlib
import math
from dataclasses import replace
from functools import partial

import every_method
import numpy as np
import pytest
from toy_experiment import run_toy, run_whole_toy, toy_plan

from lifelong.plan.errors import DamagedFile
from lifelong.plan.stage import Key
from lifelong.stages import train
from lifelong.store import read_arrays
from lifelong.use.load import finished_model
from lifelong.work.shards import load_part

VARIANTS = {
    "anew": {"method": "wsn", "picking": {"scores": "fresh"}},
    "spare": {"method": "wsn", "network": {"head_outputs": 40}},
    "alone": {"method": "finetune", "network": {"head_outputs": 40}},
    "across": {"method": "wsn", "picking": {"ranked_in": "network"}},
}


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    folder = tmp_path_factory.mktemp("carried")
    return run_whole_toy(folder, ["wsn", *VARIANTS], variants=VARIANTS)


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


def test_a_ranking_of_the_network_keeps_its_share_and_forgets_nothing(results):
    """Half of the network, give or take an entry that rounding of the rank adds in a layer."""
    every_method.never_forgets(results, "across")
    apart = {}
    for method in ("wsn", "across"):
        part = load_part(next((results / method / "s0").glob("01-*/retrain/shard.h5")))
        owned = np.array([part.values[name].size for name in part.shapes])
        entries = np.array([math.prod(shape) for shape in part.shapes.values()])
        assert owned.sum() == pytest.approx(entries.sum() / 2, abs=len(owned))
        apart[method] = np.ptp(owned / entries)
    assert apart["wsn"] < 0.01 < apart["across"]


@pytest.mark.parametrize("method", ["spare", "alone"])
def test_spare_outputs_are_trained_and_neither_answered_nor_written(results, method):
    every_method.never_forgets(results, method)
    every_method.says_its_size(results, method)
    model, _ = finished_model(results / method / "s0")
    for shard in model.shards:
        assert shard.dense["head.weight"].shape[0] == len(shard.card.classes)
    logits = arrays_of(results, method, "03", "infer/logits.h5")
    assert {values.shape[1] for values in logits.values()} == {2, 4}


@pytest.mark.parametrize("stale", [False, True], ids=["kept", "stale"])
def test_killed_twice_with_picks_that_freeze_it_gives_the_same_bytes(tmp_path, monkeypatch, stale):
    """The best epoch may come before picks freeze; stale ones follow from no scores."""
    changes = {
        "variants": {"early": {"method": "wsn", "picking": {"stale_masks": stale}}},
        "recipe": {"crop_padding": 1, "flip": False, "keep_epoch": "best_loss"},
        "train": {"epochs": 6, "lr": 0.05, "mask_lr": 2e-3, "mask_epochs": 3, "milestones": []},
    }
    whole = run_toy(tmp_path / "whole", ["early"], **changes)
    monkeypatch.setattr(every_method, "run_toy", partial(run_toy, **changes))
    every_method.survives_two_kills(whole, "early", tmp_path / "killed")


def test_what_another_task_left_is_refused(results):
    plan = toy_plan(["wsn", *VARIANTS], variants=VARIANTS)
    stage = plan.stage(Key("train", "wsn", 0, 3))
    first = plan.file(Key("train", "wsn", 0, 1), "candidate.h5")
    wrong = replace(stage, inputs={**stage.inputs, "carried": first})
    with contextlib.chdir(results.parents[1]), pytest.raises(DamagedFile, match="another run"):
        train.run(wrong)
