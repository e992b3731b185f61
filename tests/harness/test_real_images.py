"""Real photographs through the whole of CPG: three superclasses, a narrow VGG16, one expansion."""

import contextlib
from pathlib import Path

import pandas as pd
import pytest
from toy_experiment import TASKS, toy_config

from lifelong.jobs.driver import run_experiment
from lifelong.plan.config import check
from lifelong.plan.plan import Plan

NAMES = ("fish", "flowers", "vehicles_1")


@pytest.fixture(scope="module")
def results(cifar100_folders, tmp_path_factory) -> Path:
    """A tree of links to 100 training and 40 test pictures of each class, learned in one epoch."""
    folder = tmp_path_factory.mktemp("real")
    for split, count in (("train", 100), ("test", 40)):
        for name in NAMES:
            for source in sorted((cifar100_folders / split / name).iterdir()):
                target = folder / "cifar" / split / name / source.name
                target.mkdir(parents=True)
                for picture in sorted(source.iterdir())[:count]:
                    (target / picture.name).symlink_to(picture)
    config = toy_config(["scratch", "cpg"])
    config |= {
        "datasets": {"cifar": {"source": "cifar100_folders", "root": str(folder / "cifar")}},
        "tasks": [{"name": name} for name in NAMES],
        "network": {"name": "vgg16_bn", "channels": 0.125},
    }
    given = dict(zip(NAMES, config["goals"]["given"].values(), strict=True))
    config["goals"] = {"policy": "given", "given": given | {"fish": 0.0, "vehicles_1": 0.0}}
    assert len(TASKS) == len(NAMES)
    with contextlib.chdir(folder):
        run_experiment(Plan(check(config)))
    return folder / "results" / "toy"


def test_photographs_are_learned_better_than_by_chance_and_not_forgotten(results):
    summary = pd.read_csv(results / "tables" / "summary.csv").set_index("method")
    assert (summary["accuracy_mean"] > 0.25).all()  # five classes: chance is 0.2
    assert summary.loc["cpg", "forgetting_mean"] == 0.0
    assert summary.loc["cpg", "width"] == 1.5
    assert summary.loc["cpg", "size_mb"] < summary.loc["scratch", "size_mb"]
