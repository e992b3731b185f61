"""One toy experiment that every method runs through: real digits, three tasks, one expansion."""

import contextlib
from collections.abc import Callable
from pathlib import Path

import torch

from lifelong.jobs.driver import run_experiment, run_tasks
from lifelong.plan.config import check
from lifelong.plan.methods import METHODS
from lifelong.plan.plan import Plan

CLASSES = {"zero_six": [0, 6], "one_three_eight_nine": [1, 3, 8, 9], "four_five": [4, 5]}
TASKS = tuple(CLASSES)
# Tasks of the layer family: as many classes in each, because one of its methods has one head.
LAYER_CLASSES = {"zero_six": [0, 6], "one_seven": [1, 7], "four_five": [4, 5]}
LAYERS = {
    "network": {"name": "tiny_cnn2", "channels": 1.0},
    "layers": {"epochs": 8, "lr": 5e-3, "decay": 1e-3, "eval_every": 3, "gated": {"delay": 3}},
}


def toy_config(methods: list[str], **changes: object) -> dict:
    """Seconds a method. The second task cannot meet its goal at width 1 in so few epochs.

    `changes` replace whole sections.
    """
    few = {"epochs": 6, "lr": 0.05, "milestones": [4]}
    return {
        "experiment": "toy",
        "methods": methods,
        "datasets": {"digits": {"source": "digits", "channels": 1}},
        "tasks": [{"name": name, "classes": classes} for name, classes in CLASSES.items()],
        "network": {"name": "small_cnn", "channels": 0.25},
        "goals": {
            "policy": "given",
            "given": dict(zip(TASKS, (0.8, 1.0, 0.8), strict=True)),
        },
        "recipe": {"crop_padding": 1, "flip": False},
        "baseline": {**few, "finetune_lr": 0.02, "repetitions": 2},
        "train": {**few, "mask_lr": 2e-3, "mask_milestones": [4], "mask_epochs": 5}
        | {"min_train_accuracy": 0.0},
        "prune": {"ratios": [0.3, 0.6], "epochs": 2, "window": 1, "every": 2, "lr": 0.01}
        | {"min_train_accuracy": 0.5},
        "retrain": {"epochs": 3, "lr": 0.01, "mask_lr": 1e-3, "patience": 2},
        "method_settings": {
            "packnet": {"prune": {"ratios": [0.6]}, "retrain": {"milestones": [2]}},
        },
        **changes,
    }


def toy_layers_config(methods: list[str], **changes: dict) -> dict:
    """The same digits for methods that share layers."""
    tasks = [{"name": name, "classes": classes} for name, classes in LAYER_CLASSES.items()]
    config = toy_config(methods, experiment="toy_layers", tasks=tasks, **LAYERS)
    own = {
        # Gates begin to close late and have three epochs for it; at half the rate some seeds fail.
        "gated": {"layers": {"lr": 1e-2, "gated": {"delay": 5}}},
        "gated_repo": {"layers": {"lr": 1e-3}},  # its gates fall into one class at more
        "den": {"layers": {"den": {"units": 2}}},
    }
    return {**config, "method_settings": own, "goals": {}, **changes}


def toy_plan(methods: list[str], **changes: dict) -> Plan:
    """Methods that all share layers, or variants of such, have their own toy."""
    of = {name: variant["method"] for name, variant in changes.get("variants", {}).items()}
    layered = all(METHODS[of.get(name, name)].family == "layers" for name in methods)
    config = toy_layers_config if layered else toy_config
    return Plan(check(config(methods, **changes)))


def run_toy(folder: Path, methods: list[str], **changes: dict) -> Path:
    """Run the tasks of the toy experiment in `folder`; returns its results."""
    return _run(run_tasks, folder, toy_plan(methods, **changes))


def run_whole_toy(folder: Path, methods: list[str], **changes: dict) -> Path:
    """The same with tables and report, which take as long as a method."""
    return _run(run_experiment, folder, toy_plan(methods, **changes))


def _run(run: Callable[[Plan], None], folder: Path, plan: Plan) -> Path:
    torch.set_num_threads(1)
    folder.mkdir(parents=True, exist_ok=True)
    with contextlib.chdir(folder):
        run(plan)
    return folder / plan.paths.base
