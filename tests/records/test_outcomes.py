"""What a finished stage reached, as its line on the terminal says it."""

import json

import pytest
from learning_rows import worked, write_results

from lifelong.records.durations import time_words
from lifelong.records.outcomes import outcome_words, packing_warnings

_CHOSEN = {"ratio": 0.7, "accuracy": 0.81, "goal": 0.8, "met": True}


@pytest.mark.parametrize(
    ("kind", "outcome", "files", "words"),
    [
        ("train", {"accuracy": 0.81, "width": 1.0}, {}, "accuracy 0.810"),
        ("expand", {"accuracy": 0.81, "width": 1.5}, {}, "accuracy 0.810 at width 1.5"),
        ("retrain", {"accuracy": 0.8, "kept": True, "width": 1}, {}, "accuracy 0.800"),
        (
            "retrain",
            {"accuracy": 0.8, "kept": False},
            {},
            "accuracy 0.800, retraining gained nothing",
        ),
        ("baseline", {"accuracies": [0.8, 0.75]}, {}, "accuracy 0.800, 0.750"),
        ("goals", {}, {"goal.json": {"goal": 0.8}}, "goal 0.800"),
        ("prune", {"rungs": [{"ratio": 0.0, "accuracy": 0.8}]}, {}, "not pruned"),
        (
            "prune",
            {"rungs": [{"ratio": 0.0, "accuracy": 1}, {"ratio": 0.9, "accuracy": 0.8}]},
            {},
            "accuracy 0.800 at the last ratio, 0.9",
        ),
        ("select", {}, {"selected.json": _CHOSEN}, "ratio 0.7, accuracy 0.810, goal 0.800 met"),
        (
            "select",
            {},
            {"selected.json": _CHOSEN | {"goal": None, "met": None}},
            "ratio 0.7, accuracy 0.810",
        ),
        (
            "select",
            {},
            {"selected.json": _CHOSEN | {"met": False, "warnings": ["keeps all"]}},
            "ratio 0.7, accuracy 0.810, goal 0.800 missed; warning: keeps all",
        ),
        (
            "select",
            {},
            {"selected.json": {"pattern": "SS-", "reason": "the best of 8"}},
            "pattern SS-, the best of 8",
        ),
        (
            "pack_data",
            {"images": {"test": 3, "train": 9, "validation": 2}},
            {},
            "9 train, 2 validation, 3 test images",
        ),
        (
            "pack_data",
            {"images": {"test": 3}, "tested_and_trained": 1},
            {},
            "3 test images; warning: 1 test image of x is also an image to learn from",
        ),
        (
            "align_faces",
            {"photos": {"aligned": 4, "no_face": 1}},
            {},
            "photographs: 4 aligned, 1 no_face",
        ),
        ("tables", {}, {}, ""),
        ("a later one", {"accuracy": "high"}, {}, ""),
    ],
)
def test_the_words_of_a_stage(tmp_path, kind, outcome, files, words):
    folder = tmp_path / "x"
    folder.mkdir()
    manifest = {"spec": {"kind": kind}, "outcome": outcome}
    for name, facts in {"manifest.json": manifest, **files}.items():
        (folder / name).write_text(json.dumps(facts))
    assert outcome_words(folder) == words


def test_infer_says_the_mean_over_tasks(tmp_path):
    base = write_results(tmp_path, [worked(0)])
    for folder in base.glob("hps/s0/*/infer"):
        manifest = {"spec": {"kind": "infer"}, "outcome": {"changed": []}}
        (folder / "manifest.json").write_text(json.dumps(manifest))
    said = [outcome_words(folder) for folder in sorted(base.glob("hps/s0/*/infer"))]
    first, both = worked(0).committed
    assert said == [
        f"test accuracy {first[0]:.3f}",
        f"test accuracy {sum(both) / 2:.3f}, mean of 2 tasks",
    ]


def test_what_cannot_be_read_is_left_out(tmp_path):
    assert outcome_words(tmp_path) == ""
    (tmp_path / "manifest.json").write_text("[")
    assert outcome_words(tmp_path) == ""


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.004, "0.0 s"),
        (59.94, "59.9 s"),
        (59.96, "1 min 0 s"),
        (250, "4 min 10 s"),
        (3599.4, "59 min 59 s"),
        (3599.6, "1 h 0 min"),
        (7500, "2 h 5 min"),
        (90000, "25 h 0 min"),
    ],
)
def test_times(seconds, words):
    assert time_words(seconds) == words


def test_pictures_that_are_no_part_of_a_pack_are_told():
    outcome = {"left_out": {"unreadable": 3, "not aligned": 1}, "tested_and_trained": 2}
    left_out, repeated = packing_warnings("trees", outcome)
    assert left_out == "pictures of trees left out: 1 (not aligned), 3 (unreadable)"
    assert repeated == "warning: 2 test images of trees are also images to learn from"
    assert packing_warnings("trees", {"left_out": {}, "tested_and_trained": 0}) == []
