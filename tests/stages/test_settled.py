"""LASEM that searches less: a share of a task's epochs, and not for the first task."""

import contextlib

import pandas as pd
import pytest
import torch
from harness_tree import Killed, content
from toy_experiment import LAYERS, run_toy
from toy_layers import images, new_learner, stepped

from lifelong import store
from lifelong.layers.fixed import chosen
from lifelong.methods.lasem import LasemLearner, Settled
from lifelong.train import loop
from lifelong.train.layer_step import LayerStep
from lifelong.use.load import finished_model
from lifelong.work.shards import load_layers

SEARCH = {**LAYERS["layers"], "epochs": 5, "lasem": {"search": 0.3}}  # 1.5 of 5
METHODS = ("lasem_hps", "lasem_tf", "lasem_dfcnn")


@pytest.fixture(scope="module", params=METHODS)
def tasks(request, tmp_path_factory):
    """The folders of three tasks, never interrupted."""
    results = run_toy(tmp_path_factory.mktemp("settled"), [request.param], layers=SEARCH)
    return sorted((results / request.param / "s0").glob("*-*"))


@pytest.mark.parametrize("method", METHODS)
def test_the_pattern_goes_on_with_what_the_search_left(method):
    learner = new_learner(method, lasem={"search": 0.5})
    assert isinstance(learner, LasemLearner)
    stepped(learner, 5)
    after = learner.following({})
    assert isinstance(after, Settled) and after.following({}) is None
    patterns = learner.patterns()
    best = max(patterns, key=lambda name: patterns[name])
    assert after.card.pattern == best and after.patterns() == patterns
    expected = chosen(learner.tensors, learner.card, best)
    assert set(after.tensors) == set(expected)
    assert all(torch.equal(after.tensors[name], tensor) for name, tensor in expected.items())
    with torch.no_grad():
        assert torch.equal(after.logits(images()), learner.logits(images()))
    squares = LayerStep(after, 0).optimiser.squares
    carried = chosen(learner.squares, learner.card, best)
    assert len(squares) == len(carried) == len(after.trained())
    for name, square in zip(after.trained(), squares, strict=True):  # fresh ones would be ones
        assert torch.equal(square, carried[name]) and (square != 1).any()


@pytest.mark.parametrize("method", METHODS)
def test_as_published_nothing_follows(method):
    assert new_learner(method).following({}) is None


def test_epochs_count_on_and_only_the_search_has_posteriors(tasks):
    record = pd.read_csv(tasks[1] / "train" / "record.csv")
    assert list(record[record["metric"] == "loss"]["epoch"]) == [1, 2, 3, 4, 5]
    believed = record[record["metric"] == "posterior"]
    assert list(believed["epoch"]) == [2] * 4  # the last of the search is looked at


def test_the_model_has_the_pattern_that_was_the_most_probable(tasks):
    for folder in tasks:
        patterns = dict(store.read_manifest(folder / "train")["outcome"]["patterns"])
        selected = store.read_json(folder / "select" / "selected.json")
        assert patterns[selected["pattern"]] == max(patterns.values()) and len(patterns) == 4
        assert selected["reason"].startswith("the best of 4 patterns")
        part = load_layers(folder / "retrain" / "shard.h5")
        assert part.card.pattern == selected["pattern"] and part.card.facts == {}
        layers = {name.split(".")[1] for name in part.tensors if name.startswith("shared.")}
        assert layers == {str(i) for i, letter in enumerate(part.card.pattern) if letter == "S"}


@pytest.mark.parametrize("kind", [LasemLearner, Settled])
def test_killed_in_either_phase_and_run_again_gives_the_same_bytes(tmp_path, monkeypatch, kind):
    whole = run_toy(tmp_path / "whole", ["lasem_hps"], layers=SEARCH)
    real, seen = loop._Run.one_step, []

    def dying(run, x, y):
        if isinstance(run.learner, kind) and run.learner.card.task == "one_seven" and run.step == 3:
            raise Killed
        real(run, x, y)

    def counting(run, x, y):
        if run.learner.card.task == "one_seven":
            seen.append(type(run.learner))
        real(run, x, y)

    with monkeypatch.context() as patch:
        patch.setattr("lifelong.work.resume.SAVE_EVERY_S", 0.0)
        patch.setattr("lifelong.work.resume.SHARE_OF_TIME", 1e9)
        patch.setattr(loop._Run, "one_step", dying)
        with contextlib.suppress(Killed):
            run_toy(tmp_path / "killed", ["lasem_hps"], layers=SEARCH)
            pytest.fail("the run was never killed")
    with monkeypatch.context() as patch:
        patch.setattr(loop._Run, "one_step", counting)
        again = run_toy(tmp_path / "killed", ["lasem_hps"], layers=SEARCH)
    assert content(again / "lasem_hps") == content(whole / "lasem_hps")
    assert set(seen) == ({Settled} if kind is Settled else {LasemLearner, Settled})


def test_a_first_task_without_a_search_is_learned_as_one_that_shares_all(tmp_path):
    """It has the tensors of hps and no posterior; the others search."""
    sharing = {**SEARCH, "lasem": {"first": "share"}}
    methods = ["hps", "lasem_hps"]
    results = run_toy(tmp_path, methods, layers=sharing)
    first, second, _ = sorted((results / "lasem_hps" / "s0").glob("*-*"))
    assert "posterior" not in set(pd.read_csv(first / "train" / "record.csv")["metric"])
    assert "posterior" in set(pd.read_csv(second / "train" / "record.csv")["metric"])
    part = load_layers(first / "retrain" / "shard.h5")
    plain = load_layers(results / "hps" / "s0" / first.name / "retrain" / "shard.h5")
    assert part.card.pattern == plain.card.pattern == "SS"
    assert {name: array.shape for name, array in part.tensors.items()} == {
        name: array.shape for name, array in plain.tensors.items()
    }
    model, _ = finished_model(results / "lasem_hps" / "s0")
    with torch.no_grad():
        assert model.view(1, "cpu")(images(4, side=8)).shape == (4, 2)
