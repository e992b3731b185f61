"""Tasks learned together as a workflow: digits by the weightings, and what an edit runs again."""

from functools import partial
from typing import Any

import pandas as pd
import pytest
from edits import with_key
from workflow_tree import copy_workflow, snakemake, write_config

EXPERIMENT: dict[str, Any] = {
    "experiment": "dynamic_digits",
    "methods": ["joint", "dynamic"],
    "datasets": {"digits": {"source": "digits", "channels": 1, "draw": {"train": 40}}},
    "tasks": [
        {"name": "low", "classes": [0, 1, 2]},
        {"name": "high", "classes": [7, 8, 9]},
        {"name": "middle", "classes": [4, 5]},
    ],
    "network": {"name": "small_cnn", "channels": 0.25},
    "recipe": {"crop_padding": 1, "flip": False, "batch_size": 16},
    "train": {"epochs": 4, "lr": 0.05, "milestones": [3]},
    "joint": {"lessons": [["low", "high"], "middle"]},
}
LAST = {"tables", "report", "all"}
LESSONS = ("02-low+high", "03-middle")


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = copy_workflow(tmp_path_factory.mktemp("joint"))
    write_config(folder, EXPERIMENT)
    snakemake(folder, "--cores", "2")
    return folder


edited = partial(with_key, EXPERIMENT)


def stages(method: str, lessons: tuple[str, ...]) -> set[str]:
    return {f"{method}/{one}/{kind}" for one in lessons for kind in ("train", "retrain", "infer")}


def test_lessons_run_through_the_workflow(finished):
    base = finished / "results" / "dynamic_digits"
    summary = pd.read_csv(base / "tables" / "summary.csv").set_index("method")
    assert (summary["tasks"] == 3).all() and (summary["accuracy_mean"] > 0.8).all()
    assert {path.parent.name for path in base.glob("*/s0/*/infer")} == set(LESSONS)
    balance = pd.read_csv(base / "dynamic" / "s0" / LESSONS[0] / "train" / "balance.csv")
    assert set(balance["task"]) == {"low", "high"}
    assert balance.groupby("step")["weight"].sum().round(5).eq(1).all()
    assert snakemake(finished, "-n").count("Nothing to be done") == 1


def test_a_lesson_says_which_images_each_of_its_tasks_learned_from(finished):
    s0 = finished / "results" / "dynamic_digits" / "joint" / "s0"
    both = pd.read_csv(s0 / LESSONS[0] / "train" / "split.csv")
    drawn = both[both["split"] == "train"].groupby(["task", "class"]).size()
    classes = {"high": (7, 8, 9), "low": (0, 1, 2)}
    assert drawn.to_dict() == {(task, n): 40 for task, some in classes.items() for n in some}
    assert list(pd.read_csv(s0 / LESSONS[1] / "train" / "split.csv")) == ["split", "class", "row"]


def test_a_key_of_the_weights_runs_the_lessons_that_they_weigh(dry):
    assert dry(edited("joint", "lr", 0.02)) == stages("dynamic", LESSONS) | LAST


def test_what_only_the_second_lesson_has_leaves_the_first_alone(dry):
    config = edited("joint", "dropout", {"middle": 0.5})
    assert dry(config) == stages("joint", LESSONS[1:]) | stages("dynamic", LESSONS[1:]) | LAST
