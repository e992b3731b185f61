"""Brute force as a stage: the best pattern is kept, any can be taken, a kill costs little."""

import json
from pathlib import Path

import numpy as np
import pytest
from harness_tree import Killed, content, die_after
from toy_experiment import LAYERS, run_toy

from lifelong.families import layer_phases, layers
from lifelong.records.rows import read
from lifelong.train.loop import Epoch
from lifelong.work.shards import load_layers

PATTERNS = ["SS", "-S", "S-", "--"]
FEW = {**LAYERS["layers"], "epochs": 2, "eval_every": 2}
TASKS = [{"name": "zero_six", "classes": [0, 6]}, {"name": "one_seven", "classes": [1, 7]}]


def run(folder: Path, **changes) -> Path:
    return run_toy(folder, ["brute_hps"], tasks=TASKS, layers=FEW, **changes)


def test_the_pattern_with_the_best_epoch_is_kept_as_its_last_epoch_left_it(tmp_path):
    results = run(tmp_path) / "brute_hps/s0"
    scores = json.loads((results / "02-one_seven/select/selected.json").read_text())
    rows = read(results / "02-one_seven/train/record.csv")
    best = {row.pattern: row.value for row in rows if row.metric == "candidate"}
    assert best == scores["scores"]
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


def test_the_best_epoch_counts_not_the_last(tmp_path, monkeypatch):
    accuracies = {"SS": [0.5, 0.6], "-S": [0.9, 0.1], "S-": [0.2, 0.8], "--": [0.9, 0.9]}

    def learned(work, learner, pattern):
        return learner, [
            Epoch(i, 1.0, 0.5, value) for i, value in enumerate(accuracies[pattern], 1)
        ]

    monkeypatch.setattr(layers, "learn_pattern", learned)
    results = run(tmp_path) / "brute_hps/s0/02-one_seven"
    selected = json.loads((results / "select/selected.json").read_text())
    assert selected["scores"] == {"SS": 0.6, "-S": 0.9, "S-": 0.8, "--": 0.9}
    assert selected["pattern"] == "-S"  # the first of the best


def test_any_pattern_can_be_taken_by_hand(tmp_path):
    tasks = [TASKS[0], {**TASKS[1], "sharing": "S-"}]
    results = run_toy(tmp_path, ["brute_hps"], tasks=tasks, layers=FEW) / "brute_hps/s0"
    shard = load_layers(results / "02-one_seven/retrain/shard.h5")
    candidate = load_layers(results / "02-one_seven/train/candidate.h5").tensors
    assert shard.card.pattern == "S-"
    found = shard.tensors["t002.own.1.weight"]
    np.testing.assert_array_equal(found, candidate["S-:t002.own.1.weight"])


def test_a_killed_search_goes_on_with_the_pattern_it_was_at(tmp_path, monkeypatch):
    whole = content(run(tmp_path / "whole"))
    begun: list[str] = []
    real = layer_phases.fit

    def fit(*given, **more):
        begun.append(more["name"])
        return real(*given, **more)

    monkeypatch.setattr(layer_phases, "fit", fit)
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
