"""Brute force: all patterns are tried, the first task takes over the second's, the best is kept."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from harness_tree import Killed, content, die_after
from toy_experiment import LAYERS, run_toy, toy_layers_config
from toy_layers import add, images, layer_card, new_learner, new_model, snapshot, stepped

from lifelong.layers.search import tried
from lifelong.plan.config import check
from lifelong.plan.errors import ConfigError
from lifelong.records.rows import read
from lifelong.stages import layer_train
from lifelong.stages.shards import load_layers

METHODS = ("brute_hps", "brute_tf", "brute_dfcnn")
PATTERNS = ["SS", "-S", "S-", "--"]
FEW = {**LAYERS["layers"], "epochs": 2, "eval_every": 2}
TASKS = [{"name": "zero_six", "classes": [0, 6]}, {"name": "one_seven", "classes": [1, 7]}]


def one_task(method: str, **changes):
    """A model whose first task was learned without sharing."""
    model = new_model(method)
    learner = new_learner(method, model, pattern="--", **changes)
    stepped(learner, 5, rate=0.05)
    add(model, learner)
    return model


def said(view) -> torch.Tensor:
    with torch.no_grad():
        return view(images())


def test_the_first_task_has_one_pattern_and_every_other_all():
    assert tried(layer_card("brute_hps", 1)) == ["--"]
    assert tried(layer_card("brute_hps", 2)) == PATTERNS
    assert tried(layer_card("brute_tf", 3, groups=[2])) == ["SS", "--"]


@pytest.mark.parametrize("pattern", PATTERNS)
@pytest.mark.parametrize("method", METHODS)
def test_the_first_task_stays_as_it_is_while_its_layers_become_shared(method, pattern):
    wide = {"channels": 2.0}  # DF-CNN has the same filters only where maps outnumber places
    model = one_task(method, **wide)
    before = said(model.view(1))
    second = new_learner(method, model, pattern=pattern, **wide)
    if "S" not in pattern:
        assert second.older(1) is None
        return
    live = second.older(1)
    torch.testing.assert_close(said(live), before, rtol=1e-4, atol=1e-5)
    for name, tensor in second.tensors.items():
        if name.startswith("shared."):
            tensor.data.mul_(1.5)
    assert not torch.allclose(said(live), before, rtol=1e-4, atol=1e-4)


def test_the_second_task_begins_with_the_first_ones_layers():
    model = one_task("brute_hps")
    second = new_learner("brute_hps", model, pattern="S-")
    assert torch.equal(second.tensors["shared.0.weight"], model.tensors["t001.own.0.weight"])
    assert "shared.1.weight" not in second.tensors


@pytest.mark.parametrize("method", METHODS)
def test_only_shared_layers_and_the_tasks_own_are_trained(method):
    model = one_task(method)
    second = new_learner(method, model, pattern="SS")
    before = snapshot(second)
    stepped(second, 3, rate=0.05)
    for name, tensor in second.tensors.items():
        moved = not torch.equal(tensor, before[name])
        assert moved is not name.startswith("t001."), name


@pytest.mark.parametrize("pattern", PATTERNS)
@pytest.mark.parametrize("method", METHODS)
def test_the_first_task_follows_the_pattern_of_the_second(method, pattern):
    model = one_task(method)
    alone = said(model.view(1))
    second = new_learner(method, model, pattern=pattern)
    stepped(second, 3, rate=0.05)
    live = second.older(1)
    written = add(model, second, pattern)
    assert torch.equal(said(model.view(1)), alone if live is None else said(live))
    for layer, letter in enumerate(pattern):  # what it needs no more weighs nothing
        size = model.tensors[f"t001.own.{layer}.weight"].numel()
        assert (size == 0) is (letter == "S")
    third = new_learner(method, model, pattern="SS")
    stepped(third, 3, rate=0.05, seed=3)
    add(model, third, "SS")
    assert torch.equal(said(model.view(1)), alone) is (pattern == "--")
    if method == "brute_hps":  # it has no mapping: what it gives away is all that it had
        assert not any(name.startswith("t001.map") for name in written)


def run(folder: Path, **changes) -> Path:
    return run_toy(folder, ["brute_hps"], tasks=TASKS, layers=FEW, **changes)


def test_the_pattern_with_the_best_epoch_is_kept_as_its_last_epoch_left_it(tmp_path):
    results = run(tmp_path) / "brute_hps/s0"
    scores = json.loads((results / "02-one_seven/select/selected.json").read_text())
    rows = read(results / "02-one_seven/train/record.csv")
    best = {row.metric: row.value for row in rows if row.metric.startswith("candidate:")}
    assert best == {f"candidate:{name}": score for name, score in scores["scores"].items()}
    assert list(scores["scores"]) == PATTERNS
    pattern = scores["pattern"]
    assert scores["scores"][pattern] == max(scores["scores"].values())
    own = [r for r in rows if r.split == "validation" and r.on_task == "one_seven" and r.epoch]
    assert max(row.value for row in own) <= scores["scores"][pattern]
    candidate = load_layers(results / "02-one_seven/train/candidate.h5").tensors
    shard = load_layers(results / "02-one_seven/retrain/shard.h5")
    assert shard.card.pattern == pattern
    for name, array in shard.tensors.items():
        if array.size:
            np.testing.assert_array_equal(array, candidate[f"{pattern}:{name}"])
    assert {name.split(":")[0] for name in candidate} == set(PATTERNS)
    first = load_layers(results / "01-zero_six/retrain/shard.h5")
    assert first.card.pattern == "--"


def test_any_pattern_can_be_taken_by_hand(tmp_path):
    tasks = [TASKS[0], {**TASKS[1], "sharing": "S-"}]
    results = run_toy(tmp_path, ["brute_hps"], tasks=tasks, layers=FEW) / "brute_hps/s0"
    shard = load_layers(results / "02-one_seven/retrain/shard.h5")
    candidate = load_layers(results / "02-one_seven/train/candidate.h5").tensors
    assert shard.card.pattern == "S-"
    found = shard.tensors["t002.own.1.weight"]
    np.testing.assert_array_equal(found, candidate["S-:t002.own.1.weight"])


def test_a_first_task_has_nothing_to_choose():
    tasks = [{**TASKS[0], "sharing": "S-"}, TASKS[1]]
    with pytest.raises(ConfigError, match="brute_hps learns it without sharing"):
        check(toy_layers_config(["brute_hps"], tasks=tasks))


def test_a_killed_search_goes_on_with_the_pattern_it_was_at(tmp_path, monkeypatch):
    whole = content(run(tmp_path / "whole"))
    begun: list[str] = []
    real = layer_train.fit

    def fit(*given, **more):
        begun.append(more["name"])
        return real(*given, **more)

    monkeypatch.setattr(layer_train, "fit", fit)
    epochs = FEW["epochs"]
    with monkeypatch.context() as patch:
        die_after(patch, 21 * epochs * 3 - 5)
        with pytest.raises(Killed):
            run(tmp_path / "killed")
    died_in = begun[-1]
    begun.clear()
    assert content(run(tmp_path / "killed")) == whole
    assert died_in in ("brute_hps -S", "brute_hps S-") and begun[0] == died_in
    assert begun == [f"brute_hps {name}" for name in PATTERNS[PATTERNS.index(died_in[10:]) :]]
