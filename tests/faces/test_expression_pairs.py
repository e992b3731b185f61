"""Pairs of faces that are to show an expression: read, made, refused, and measured in a run."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from face_trees import PEOPLE, draw, draw_oulu, read, text
from toy_experiment import run_whole_toy

from lifelong.data.pack import read_pairs
from lifelong.faces.authentication import authentication
from lifelong.faces.expressions import OULU_CASIA
from lifelong.plan.errors import DataError
from lifelong.records.tables import read_table
from lifelong.use.load import finished_model

HEADER = "No Input Ref IdentityIssame Actual Require Ref ExpressionIsrequire"
FOLDS = {"folds": [PEOPLE[:6], PEOPLE[6:8], PEOPLE[8:]]}  # P009 and P010 are tested
ANGRY, HAPPY = (f"P009/{name}/P009_{name}" for name in ("Anger", "Happiness"))


@pytest.fixture(scope="module")
def tree(tmp_path_factory) -> Path:
    """Six expressions of all; of every video the first frame too, where faces are neutral."""
    folder = tmp_path_factory.mktemp("pairs")
    root = draw_oulu(folder / "oulu")
    for person in PEOPLE:
        draw(root, *(f"{person}/{e}/{person}_{e}_000.png" for e in OULU_CASIA), side=8, classes=6)
    text(folder / "folds.json", json.dumps(FOLDS))
    return root


def pairs_of(root: Path, *lines: str, fold: int = 2):
    options = {}
    if lines:
        options["pairs"] = text(root.parent / "pairs.txt", HEADER, *lines)
    return read("oulu_casia_pairs", root, fold=fold, folds=root.parent / "folds.json", **options)


def test_a_file_says_who_and_what_is_asked_for(tree):
    found = pairs_of(
        tree,
        f"1 /data/old/{HAPPY}_021.png /data/old/{ANGRY}_000.png True 3 3 -1 True",
        f"2 {ANGRY}_022.png P010/Fear/P010_Fear_000.png False 0 5 -1 False",
    )
    assert found.classes == ("P009", "P010")
    names = [one.path for one in found.samples]
    assert [names[row] for row in found.pairs.first] == [f"{HAPPY}_021.png", f"{ANGRY}_022.png"]
    assert found.pairs.same.tolist() == found.pairs.shown.tolist() == [True, False]
    assert found.pairs.required.tolist() == [3, 5]


def test_pairs_that_are_made_are_of_four_kinds_alike(tree):
    """Two people, six first frames each, two expressions: 24 pairs of each kind."""
    found, again = pairs_of(tree).pairs, pairs_of(tree).pairs
    assert np.array_equal(found.first, again.first) and len(found) == 4 * 24
    kinds = list(zip(found.same.tolist(), found.shown.tolist(), strict=True))
    expected = [(True, True), (True, False), (False, True), (False, False)]
    assert kinds == [kind for kind in expected for _ in range(24)]
    assert set(found.required.tolist()) == {3, 5}
    for fold in range(10):  # each has pairs of every kind
        mine = found.fold == fold
        assert {kind for kind, one in zip(kinds, mine, strict=True) if one} == set(expected)


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("1 a b", r"pairs.txt, line 2 has 3 columns where 8 belong"),
        (f"1 {HAPPY}_021.png {ANGRY}_000.png yes 3 3 -1 True", "line 2 should be like"),
        (f"1 {HAPPY}_021.png {ANGRY}_000.png True 4 4 -1 True", "has label 4 here and 3 in"),
        (f"1 {HAPPY}_021.png {ANGRY}_000.png False 3 3 -1 True", "same person is False"),
        (f"1 {HAPPY}_021.png {ANGRY}_000.png True 3 5 -1 True", "required expression is True"),
        (f"1 {HAPPY}_021.png P001/Fear/P001_Fear_000.png False 3 3 -1 True", "P001 is not of the"),
        (f"1 {HAPPY}_021.png {ANGRY}_999.png True 3 3 -1 True", "1 of the pictures in .*_999"),
        (f"1 {HAPPY}_021.png P009_000.png True 3 3 -1 True", "no path like person/video/picture"),
    ],
)
def test_what_does_not_agree_is_named(tree, line, says):
    with pytest.raises(DataError, match=says):
        pairs_of(tree, line)


def test_neutral_frames_of_ck_plus_are_references_alone(tmp_path):
    """Of two people one is never surprised, so some pairs cannot be made."""
    lines = ["No subject session frame label"]
    for person, shown in (("S148", (5, 7)), ("S149", (5, 1)), ("S010", (5, 7)), ("S034", (5, 7))):
        for session, label in enumerate(shown, 1):
            for frame, one in ((1, 0), (12, label)):
                path = f"{person}/{session:03d}/{person}_{session:03d}_{frame:08d}.png"
                draw(tmp_path / "ck", path, side=8)
                lines.append(f"{len(lines)} {person} {session:03d} {frame} {one}")
    text(tmp_path / "ck" / "labels.txt", *lines)
    known = Path(__file__).parents[2] / "experiments" / "folds" / "ckplus.json"
    found = read("ckplus_pairs", tmp_path / "ck", fold=3, folds=known)
    assert found.classes == ("S148", "S149")
    names = [one.path for one in found.samples]
    assert all(names[row].endswith("_00000001.png") for row in found.pairs.second)
    assert all(names[row].endswith("_00000012.png") for row in found.pairs.first)
    same, shown, required = found.pairs.same, found.pairs.shown, found.pairs.required
    assert (same & shown & (required == 5)).sum() == 4  # two first frames each
    assert (same & shown & (required == 7)).sum() == 2  # of the one who is ever surprised
    with pytest.raises(DataError, match="there is no pair of people of fold 2: add some"):
        read("ckplus_pairs", tmp_path / "ck", fold=2, folds=known)


def test_who_is_let_in_by_hand():
    """Right on both, wrong on both, a stranger let in, and a mistake that changes nothing."""
    same, shown = np.array([[1, 1], [1, 1], [0, 1], [0, 0]], dtype=bool).T
    called_same, called_shown = np.array([[1, 1], [0, 0], [1, 1], [0, 1]], dtype=bool).T
    found = authentication(called_same, same, called_shown, shown)
    assert found.joint_decision == 2 / 4 and found.both_ok == 1 / 4
    assert found.legacy_xnor == 2 / 4 and found.expression_ok == 2 / 4


@pytest.mark.parametrize("method", ["dynamic", "finetune"])
def test_a_run_measures_who_is_let_in(tree, tmp_path, method):
    """By the networks of two tasks, whatever the family."""
    tree = Path(shutil.copytree(tree.parent, tmp_path / "raw")) / "oulu"
    faces = {"root": str(tree), "fold": 2, "folds": str(tree.parent / "folds.json")}
    faces |= {"prealigned": True, "image_size": 8}
    names = ("expression", "identity")
    sets = {name: {"source": "oulu_casia", "labels": name, **faces} for name in names}
    sets["pairs"] = {"source": "oulu_casia_pairs", **faces}
    asked = {"dataset": "pairs", "distance": "facelivenet", "expression": "expression"}
    tasks = [{"name": name, "dataset": name} for name in names]
    tasks[1]["pairs"] = asked
    few = {"epochs": 20, "lr": 0.1, "milestones": [14]}
    changes = {"datasets": sets, "tasks": tasks, "goals": {}, "train": few}
    results = run_whole_toy(tmp_path, [method], **changes, baseline=few | {"repetitions": 1})
    table = read_table(results / "tables" / "verification.csv").iloc[0]
    model, _ = finished_model(results / method / "s0")
    images, pairs = read_pairs(results / "pack_data" / "pairs" / "pack.h5")
    view, card = model.view(1), model.shards[0].card
    mean, std = (torch.tensor(values).view(1, -1, 1, 1) for values in (card.mean, card.std))
    with torch.inference_mode():
        told = view((torch.from_numpy(images).float() / 255 - mean) / std).argmax(1).numpy()
    right = (told[pairs[:, 0]] == pairs[:, 4]) == pairs[:, 5]
    assert table["expression_ok"] == pytest.approx(right.mean(), abs=0.02)
    assert table["expression_ok"] > 0.5 and table["both_ok"] <= table["expression_ok"]
    assert table["both_ok"] <= table["joint_decision"]  # both right is enough to decide rightly
