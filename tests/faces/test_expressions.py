"""Oulu-CASIA and CK+: their trees, files of labels and folds of people, and what is refused."""

import json
import shutil
from pathlib import Path

import pytest
from face_trees import PEOPLE, draw, draw_oulu, labels, read, text
from toy_experiment import run_whole_toy

from lifelong.faces.expressions import OULU_CASIA, made_folds, read_folds
from lifelong.plan.errors import DataError
from lifelong.records.tables import read_table
from lifelong.use.load import finished_model

SHIPPED = Path(__file__).parents[2] / "experiments" / "folds" / "oulu_casia.json"


def ck(root: Path) -> Path:
    lines = ["No subject session frame label"]
    for person in ("S005", "S010", "S085", "S086"):
        for session, label in (("001", "1.0"), ("002", "5"), ("003", "7")):
            draw(root, f"{person}/{session}/{person}_{session}_00000012.png", side=8)
            lines.append(f"{len(lines)} {person} {session} 12 {label}")
    text(root / "labels.txt", *lines)
    return root


@pytest.fixture(scope="module")
def tree(tmp_path_factory) -> Path:
    return draw_oulu(tmp_path_factory.mktemp("oulu"))


def people_of(found, split: str) -> set[str]:
    return {one.identity for one in found.samples if one.split == split}


def test_expressions_are_tested_on_people_nobody_trained_on(tree):
    found = read("oulu_casia", tree, task="expression", fold=3)
    assert found.classes == OULU_CASIA and len(found.samples) == 10 * 6 * 2
    assert labels(found)["P001/Happiness/P001_Happiness_021.png"] == 3
    parts = [people_of(found, split) for split in ("train", "validation", "test")]
    assert [len(part) for part in parts] == [8, 1, 1] and len(set().union(*parts)) == 10


def test_identities_are_those_of_the_people_that_expressions_are_learned_from(tree):
    expressions = read("oulu_casia", tree, task="expression", fold=3)
    found = read("oulu_casia", tree, task="identity", fold=3)
    assert set(found.classes) == people_of(expressions, "train")
    videos = {split: set() for split in ("train", "validation", "test")}
    for one in found.samples:
        videos[one.split].add(tuple(one.path.split("/")[:2]))
    assert [len(part) for part in videos.values()] == [8 * 4, 8, 8]
    assert not videos["train"] & (videos["validation"] | videos["test"])


def test_with_neutral_frames_labels_count_from_one(tmp_path):
    found = read("oulu_casia", draw_oulu(tmp_path, neutral=True), task="expression", fold=0)
    assert found.classes == ("Neutral", *OULU_CASIA)
    assert labels(found)["P001/Anger/P001_Anger_000.png"] == 0
    assert labels(found)["P001/Anger/P001_Anger_021.png"] == 1


def test_ck_plus_names_frames_by_session_and_number(tmp_path):
    folds = text(
        tmp_path / "folds.json", json.dumps({"folds": [["S005"], ["S010"], ["S085", "S086"]]})
    )
    found = read("ckplus", ck(tmp_path / "ck"), task="expression", fold=1, folds=folds)
    assert labels(found)["S085/002/S085_002_00000012.png"] == 5
    assert people_of(found, "test") == {"S010"} and people_of(found, "validation") == {
        "S085",
        "S086",
    }
    again = read("ckplus", tmp_path / "ck", task="identity", fold=1, folds=folds)
    assert again.classes == ("S005",)


def test_the_shipped_folds_have_all_people_once():
    folds, others = read_folds(SHIPPED)
    assert not others
    assert [len(fold) for fold in folds] == [8] * 10
    assert sorted(one for fold in folds for one in fold) == [f"P{i:03d}" for i in range(1, 81)]


def test_the_known_folds_of_ck_plus_leave_all_others_to_train_on(tmp_path):
    """Four of ten are known; whoever is in none of them is learned from."""
    path = SHIPPED.with_name("ckplus.json")
    folds, others = read_folds(path)
    assert [len(fold) for fold in folds] == [12] * 4 and others
    assert len({person for fold in folds for person in fold}) == 48
    found = read("ckplus", ck(tmp_path / "ck"), task="expression", fold=3, folds=path)
    assert people_of(found, "test") == {"S085", "S086"}
    assert people_of(found, "validation") == set()
    assert people_of(found, "train") == {"S005"} | {"S010"}


def test_folds_that_are_made_are_always_alike_and_even():
    people = [f"S{number:03d}" for number in range(118)]
    folds = made_folds(people)
    assert folds == made_folds(people[::-1]) and sorted(map(len, folds)) == [11] * 2 + [12] * 8
    assert sorted(one for fold in folds for one in fold) == people


@pytest.mark.parametrize(
    ("folds", "says"),
    [
        ([PEOPLE[:4], PEOPLE[3:7], PEOPLE[7:]], "P004 is in folds 0 and 1"),
        ([PEOPLE[:3], PEOPLE[3:6], PEOPLE[6:9]], "P010 of .*labels.txt is in no fold"),
        ([PEOPLE[:5], PEOPLE[5:]], "fold 0 of 2 cannot be tested on"),
        ("none", "should be like"),
    ],
)
def test_folds_have_everybody_once(tree, tmp_path, folds, says):
    path = text(tmp_path / "folds.json", json.dumps({"folds": folds} if folds != "none" else []))
    with pytest.raises(DataError, match=says):
        read("oulu_casia", tree, task="expression", fold=0, folds=path)


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("1 P001 Anger", r"labels.txt, line 2 has 3 columns where 5 belong"),
        ("1 P001 Anger 3 P001/Anger/P001_Anger_021.png", "label 3 is Happiness, not Anger"),
        ("1 P001 Anger 9 P001/Anger/P001_Anger_021.png", "label '9' is none of 0 to 5"),
        ("1 P001 Anger 0 P001/Fear/P001_Fear_021.png", "is no picture of P001, Anger"),
        ("1 P001 Anger 0 P002/Anger/P002_Anger_021.png", "is no picture of P001, Anger"),
        ("1 P001 Anger 0 P001/Anger/gone.png", r"1 of the pictures .* are not in .*gone.png"),
    ],
)
def test_labels_agree_with_the_folders(tree, tmp_path, line, says):
    whole = (tree / "labels.txt").read_text().splitlines()
    root = tmp_path / "oulu"
    shutil.copytree(tree, root)
    text(root / "labels.txt", whole[0], line, *whole[2:])
    with pytest.raises(DataError, match=says):
        read("oulu_casia", root, task="expression", fold=0)


def test_a_tree_runs_through_the_stages(tree, tmp_path):
    """Both tasks together: the identities' images are some of the expressions', so two sets."""
    faces = {"source": "oulu_casia", "root": str(tree), "fold": 3, "prealigned": True}
    faces |= {"image_size": 8}
    sets = {name: {**faces, "labels": name} for name in ("identity", "expression")}
    tasks = [{"name": name, "dataset": name} for name in sets]
    train = {"epochs": 30, "lr": 0.1, "milestones": [24]}
    results = run_whole_toy(
        tmp_path, ["dynamic"], datasets=sets, tasks=tasks, goals={}, train=train
    )
    accuracy = read_table(results / "tables" / "accuracy.csv").set_index("task")["accuracy"]
    assert accuracy["expression"] > 2 / 6  # twice what chance gives
    model, _ = finished_model(results / "dynamic" / "s0")
    assert [len(part.card.classes) for part in model.shards] == [8, 6]
