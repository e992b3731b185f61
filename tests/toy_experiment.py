"""One toy experiment that every method runs through: real digits, three tasks, one expansion."""

import contextlib
from pathlib import Path

import torch

from lifelong.plan.config import check
from lifelong.plan.stages import Plan
from lifelong.stages.driver import run_experiment

TASKS = ("zero_one", "two_three", "four_five")


def toy_config(methods: list[str]) -> dict:
    """Seconds a method. The second task cannot meet its goal at width 1 in so few epochs."""
    few = {"epochs": 6, "lr": 0.05, "milestones": [4]}
    return {
        "experiment": "toy",
        "methods": methods,
        "datasets": {"digits": {"source": "digits", "channels": 1}},
        "tasks": [{"name": name, "classes": [2 * i, 2 * i + 1]} for i, name in enumerate(TASKS)],
        "network": {"name": "small_cnn", "channels": 0.25},
        "goals": {
            "policy": "given",
            "given": {"zero_one": 0.8, "two_three": 1.0, "four_five": 0.8},
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
    }


def toy_plan(methods: list[str]) -> Plan:
    return Plan(check(toy_config(methods)))


def run_toy(folder: Path, methods: list[str]) -> Path:
    """Run the toy experiment in `folder`; returns its results."""
    torch.set_num_threads(1)
    folder.mkdir(parents=True, exist_ok=True)
    with contextlib.chdir(folder):
        run_experiment(toy_plan(methods))
    return folder / "results" / "toy"
