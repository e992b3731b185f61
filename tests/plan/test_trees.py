"""Misspelt tasks and classes of one's own pictures are told before anything runs."""

import shutil

import pytest
from toy_experiment import toy_config

from lifelong.plan.config import check
from lifelong.plan.errors import ConfigError
from lifelong.plan.trees import classes_by_group

SHAPES = {
    "groups and splits": ["birds/train/owl", "birds/test/owl", "cars/train/fiat", "cars/test/fiat"],
    "groups": ["birds/owl", "birds/gull", "cars/fiat"],
    "splits": ["train/owl", "train/gull", "test/owl", "test/gull"],
    "classes": ["owl", "gull"],
}
KNOWN = {
    "groups and splits": {"birds": ("owl",), "cars": ("fiat",)},
    "groups": {"birds": ("gull", "owl"), "cars": ("fiat",)},
    "splits": {"": ("gull", "owl")},
    "classes": {"": ("gull", "owl")},
}


def tree(root, *folders: str):
    for folder in folders:
        (root / folder).mkdir(parents=True)
        (root / folder / "1.png").touch()
    return str(root)


@pytest.mark.parametrize("shape", SHAPES)
def test_groups_and_classes_are_the_names_of_folders(tmp_path, shape):
    root = tree(tmp_path, *SHAPES[shape])
    (tmp_path / ".hidden").mkdir()
    (tmp_path / "zz of no task").mkdir()
    expected = dict(KNOWN[shape])
    if shape == "classes":
        expected[""] = (*expected[""], "zz of no task")
    assert classes_by_group(root) == expected


@pytest.mark.parametrize("name", ["absent", "~nobody9/x", "a\0b", "x" * 300])
def test_a_tree_that_is_not_there_is_not_judged(tmp_path, name):
    assert classes_by_group(str(tmp_path / name) if name[0] != "~" else name) is None
    assert classes_by_group(str(tmp_path)) is None  # empty


@pytest.mark.parametrize(
    ("task", "says"),
    [
        ({"name": "bird"}, "has no group 'bird' .task 'bird'.; did you mean 'birds'"),
        ({"name": "a", "group": "plants"}, "has no group 'plants' .task 'a'.; it has birds, cars"),
        (
            {"name": "birds", "classes": ["owl", "gul"]},
            "has no class 'gul' .*; did you mean 'gull'",
        ),
    ],
)
def test_a_misspelt_task_or_class_is_named(tmp_path, task, says):
    root = tree(tmp_path, *SHAPES["groups"])
    config = {
        "experiment": "own",
        "datasets": {"mine": {"source": "image_folder", "root": root, "image_size": 32}},
        "tasks": [{**task, "dataset": "mine"}],
    }
    with pytest.raises(ConfigError, match=says):
        check(config)


@pytest.mark.parametrize(
    ("groups", "says"),
    [
        (["bird"], "no group 'bird'; did you mean 'birds'"),
        (["cars"], "task 'birds' needs birds, which is not packed: add it"),
        (["birds"], None),
    ],
)
def test_groups_to_pack_are_those_that_there_are_and_that_tasks_need(tmp_path, groups, says):
    mine = {"source": "image_folder", "root": tree(tmp_path, *SHAPES["groups"]), "image_size": 32}
    config = {
        "experiment": "own",
        "datasets": {"mine": {**mine, "groups": groups}},
        "tasks": [{"name": "birds", "dataset": "mine"}],
    }
    if says is None:
        assert check(config)["datasets"]["mine"]["groups"] == groups
        return
    with pytest.raises(ConfigError, match=says):
        check(config)


def test_a_group_whose_splits_are_empty_is_left_to_packing(tmp_path):
    """It says which folder holds nothing."""
    birds = [f"birds/{split}/{name}" for split in ("train", "test") for name in ("owl", "gull")]
    root = tree(tmp_path, *birds, "cars/train/fiat", "cars/test/fiat")
    for split in ("train", "test"):
        shutil.rmtree(tmp_path / "cars" / split / "fiat")
    layered = {"methods": ["hps"], "network": {"name": "tiny_cnn2"}, "goals": {}}
    pictures = {"source": "image_folder", "root": root, "image_size": 16, "channels": 1}
    tasks = [{"name": "birds"}, {"name": "cars"}]
    check(toy_config(["hps"]) | layered | {"datasets": {"own": pictures}, "tasks": tasks})
