"""Small models of two tasks of colour pictures in folders, by methods of three families."""

import contextlib
from pathlib import Path

import numpy as np
import pytest
from made_once import made_once
from PIL import Image
from toy_experiment import LAYERS, toy_config

from lifelong.jobs.driver import run_experiment
from lifelong.plan.config import check
from lifelong.plan.plan import Plan

SIDE = 8
CLASSES = {"shade": ("dark", "light"), "colour": ("blue", "green", "red")}


def draw(root: Path, each: int = 6) -> None:
    """`root/<task>/{train,test}/<class>/*.png`, noise that is brighter, or of more of a colour."""
    random = np.random.default_rng(0)
    for task, classes in CLASSES.items():
        for split in ("train", "test"):
            for label, name in enumerate(classes):
                folder = root / task / split / name
                folder.mkdir(parents=True)
                for number in range(each):
                    pixels = random.integers(0, 128, (SIDE, SIDE, 3), np.uint8)
                    if task == "shade":
                        pixels += np.uint8(120 * label)
                    else:
                        pixels[..., 2 - label] += 120
                    Image.fromarray(pixels).save(folder / f"{number}.png")


def learn(folder: Path) -> Path:
    """Draw the pictures and learn both tasks by each method; returns the folder."""
    draw(folder / "raw")
    dataset = {"source": "image_folder", "root": "raw", "image_size": SIDE, "channels": 3}
    tasks = [
        {"name": "shade", "dataset": "drawn", "mean": [0.4, 0.5, 0.6], "std": [0.2, 0.3, 0.25]},
        {"name": "colour", "dataset": "drawn", "channel_order": [2, 1, 0]},
    ]
    few = {"epochs": 2, "lr": 0.02, "milestones": []}
    changes = {
        "datasets": {"drawn": dataset},
        "tasks": tasks,
        "goals": {"policy": "given", "given": {"shade": 0.1, "colour": 0.1}},
        "train": few | {"min_train_accuracy": 0.0, "mask_milestones": [], "mask_epochs": 2},
        "baseline": few | {"repetitions": 1},
        "prune": {"ratios": [0.5], "epochs": 1, "window": 1, "min_train_accuracy": 0.0},
        "retrain": {"epochs": 1, "milestones": []},
    }
    shared = {"experiment": "toy_layers", **LAYERS, "goals": {}}
    shared["layers"] = {"epochs": 2, "lr": 5e-3, "decay": 1e-3, "eval_every": 2}
    with contextlib.chdir(folder):
        run_experiment(Plan(check(toy_config(["scratch", "cpg"], **changes))))
        run_experiment(Plan(check(toy_config(["hps"], **(changes | shared)))))
    return folder


@pytest.fixture(scope="session")
def drawn(tmp_path_factory) -> Path:
    """The folder of the pictures, `raw`, and of the results. Not to be changed."""
    return made_once(tmp_path_factory, "drawn", learn)


@pytest.fixture
def here(drawn, monkeypatch) -> Path:
    """The same as the working directory."""
    monkeypatch.chdir(drawn)
    return drawn
