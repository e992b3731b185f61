"""FaceLiveNet's recipe: centres, dropout, norms that are held, branches that begin alike."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from toy import card_of
from toy_experiment import run_toy, run_whole_toy

from lifelong.joint.extras import Centres, Dropout
from lifelong.joint.learner import LessonLearner
from lifelong.joint.network import LessonNetwork
from lifelong.plan.config import check
from lifelong.plan.plan import Plan
from lifelong.work.shards import load_lesson


def test_centres_by_hand():
    """Directions (1, 0) and (0, 1) of class 0, (1, 0) of class 2; 0.1 x half the mean distance."""
    centres = Centres(classes=3, features=2, factor=0.1, keep=0.5)
    embedding = torch.tensor([[3.0, 0.0], [0.0, 0.5], [2.0, 0.0]], requires_grad=True)
    labels = torch.tensor([0, 0, 2])
    assert centres.loss(embedding, labels).item() == pytest.approx(0.1 / 2)  # all from 0
    centres.follow(embedding.detach(), labels)
    assert centres.centres.tolist() == [[0.25, 0.25], [0.0, 0.0], [0.5, 0.0]]
    far = (2 * (0.75**2 + 0.25**2) + 0.5**2) / 3
    loss = centres.loss(embedding, labels)
    assert loss.item() == pytest.approx(0.1 * far / 2)
    loss.backward()  # only directions count: nothing pulls along them
    assert embedding.grad[0].tolist() == pytest.approx([0.0, -0.1 / 3 * 0.25 / 3], abs=1e-7)
    centres.follow(embedding.detach(), labels)
    assert centres.centres.tolist() == [[0.375, 0.375], [0.0, 0.0], [0.75, 0.0]]


def test_dropout_keeps_the_mean_and_depends_on_seed_and_step_alone():
    x = torch.ones(200, 50)
    dropped = Dropout(0.5, seed=3)(x, step=7)
    assert set(dropped.unique().tolist()) == {0.0, 2.0}
    assert dropped.mean().item() == pytest.approx(1.0, abs=0.05)
    torch.rand(5)
    assert torch.equal(dropped, Dropout(0.5, seed=3)(x, step=7))
    for other in (Dropout(0.5, seed=4)(x, step=7), Dropout(0.5, seed=3)(x, step=8)):
        assert not torch.equal(dropped, other)


def face_cards():
    small = replace(card_of(1), network="facelivenet", channels=0.03, image_size=80)
    return [replace(small, position=position) for position in (1, 2)]


def test_held_norms_keep_their_statistics_after_an_evaluation_too():
    """Trunk and first branch; the second one's norms learn theirs."""
    network = LessonNetwork(face_cards(), (1, 2), "cpu")
    network.hold_norms([0])
    before = {name: one.clone() for name, one in network.tensors().items()}
    for view in network.tasks:  # as evaluation leaves them
        view.eval()
        view.train(True)
    x = torch.rand(4, 1, 80, 80)
    for head in network.heads:
        head(network(x))
    moved = {name for name, one in network.tensors().items() if not torch.equal(one, before[name])}
    assert moved and all(name.startswith("head001.") and "running" in name for name in moved)


def test_branches_begin_as_the_first_one_of_the_lesson_before():
    before = LessonLearner(face_cards(), (1, 2), "cpu", None)
    first = before.lesson()
    learner = LessonLearner(face_cards(), (3, 4), "cpu", first)
    started = learner.lesson().tensors
    learner.copy_branches()
    for name, array in learner.lesson().tensors.items():
        _, _, rest = name.partition(".")
        if rest.startswith("blocks."):
            assert np.array_equal(array, first.tensors[f"head000.{rest}"])
        else:
            assert np.array_equal(array, started[name])
    assert not np.array_equal(
        started["head001.blocks.0.up.weight"], first.tensors["head000.blocks.0.up.weight"]
    )


DIGITS = {"people": [0, 1, 2, 3], "identity": [4, 5, 6], "expression": [7, 8]}
RECIPE = {
    "tasks": [{"name": name, "classes": classes} for name, classes in DIGITS.items()],
    "network": {"name": "small_cnn", "channels": 0.25, "standardise": True},
    "goals": {},
    "recipe": {"crop_padding": 0, "flip": False, "optimiser": "rmsprop", "epsilon": 1.0},
    "train": {"epochs": 6, "lr": 0.1, "milestones": [4]},
    "joint": {
        "lessons": ["people", ["identity", "expression"]],
        "dropout": {"expression": 0.5},
        "centres": {"people": 0.1, "identity": 0.1},
        "held_norms": ["identity"],
    },
}


def test_the_whole_recipe_learns_and_goes_on_where_it_was_killed(tmp_path, monkeypatch):
    """Norms of the second lesson have the first one's statistics to the bit."""
    results = run_whole_toy(tmp_path / "whole", ["dynamic"], **RECIPE)
    folders = [results / "dynamic" / "s0" / one for one in ("01-people", "03-identity+expression")]
    lessons = [load_lesson(folder / "retrain" / "shard.h5") for folder in folders]
    assert all(card.standardise for lesson in lessons for card in lesson.cards)
    held = [name for name in lessons[0].tensors if "trunk" in name and "running" in name]
    assert held
    for name in held:
        assert np.array_equal(*(lesson.tensors[name] for lesson in lessons))
    accuracy = pd.read_csv(results / "tables" / "accuracy.csv").set_index("task")["accuracy"]
    assert all(accuracy[name].min() > 0.8 for name in DIGITS), accuracy

    saves = []

    def killed(self, tensors, facts):
        assert "step/extras/centres/0" in tensors
        saves.append(facts)
        _save(self, tensors, facts)
        if len(saves) == 9:
            raise KeyboardInterrupt

    from lifelong.work.resume import ResumeFile

    _save = ResumeFile.save
    monkeypatch.setattr(ResumeFile, "due", lambda self: True)
    monkeypatch.setattr(ResumeFile, "save", killed)
    with pytest.raises(KeyboardInterrupt):
        run_toy(tmp_path / "killed", ["dynamic"], **RECIPE)
    monkeypatch.undo()
    again = run_toy(tmp_path / "killed", ["dynamic"], **RECIPE)
    for folder in folders:
        shard = Path("dynamic", "s0", folder.name, "retrain", "shard.h5")
        assert (again / shard).read_bytes() == (results / shard).read_bytes()


def spec_of(**joint):
    config = {
        "experiment": "x",
        "methods": ["joint"],
        "datasets": {"d": {"source": "digits", "channels": 1}},
    }
    config |= {"network": RECIPE["network"]}
    tasks = [{"name": name, "classes": classes} for name, classes in DIGITS.items()]
    plan = Plan(check({**config, "tasks": tasks, "joint": joint}))
    return plan.stage(next(plan.keys("train"))).spec


def test_what_is_not_used_is_not_in_the_spec():
    assert spec_of().settings == spec_of(dropout={"people": 0.0}).settings
    assert set(spec_of().settings) == {"epochs", "lr", "milestones", "factor", "clip"}
    rates = spec_of(first_lesson={"epochs": 3, "lr": 0.2}).settings
    assert (rates["epochs"], rates["lr"]) == (3, 0.2)
    assert spec_of(centres={"people": 0.1}).settings["centre_keep"] == 0.5
