"""Weights that know all digits, for methods that stand on pretrained ones."""

from pathlib import Path
from typing import Any

import torch
from sklearn.datasets import load_digits
from torch.nn import functional
from toy_experiment import TASKS, run_toy, run_whole_toy

from lifelong.nets import build
from lifelong.plan.networks import Architecture

LOOKS = {"mean": [0.305], "std": [0.376]}  # of the digits
GROUND = {"pretrained": "toy.pth"}
# A network that begins well wants smaller steps than one that begins anew; the second task is to
# grow where a method can.
CHANGES: dict[str, Any] = {
    "ground": GROUND,
    "datasets": {"digits": {"source": "digits", "channels": 1, **LOOKS}},
    "goals": {"policy": "given", "given": dict(zip(TASKS, (0.8, 1.0, 0.8), strict=True))},
    "train": {"epochs": 6, "lr": 0.02, "milestones": [4], "mask_lr": 2e-3}
    | {"mask_milestones": [4], "mask_epochs": 5, "min_train_accuracy": 0.0},
}


def write_ground(path: Path, steps: int = 200, seed: int = 3) -> Path:
    """The body of the toy network after some steps on all ten digits, as a state dict."""
    digits = load_digits()
    x = (torch.tensor(digits.images / 16, dtype=torch.float32)[:, None] - 0.305) / 0.376
    y = torch.tensor(digits.target)
    network = build(Architecture("small_cnn", 1, 10, channels=0.25), seed)
    sgd = torch.optim.SGD(network.parameters(), lr=0.03, momentum=0.9, weight_decay=1e-3)
    random = torch.Generator().manual_seed(seed)
    for _ in range(steps):
        rows = torch.randint(0, len(x), (64,), generator=random)
        sgd.zero_grad()
        functional.cross_entropy(network(x[rows]), y[rows]).backward()
        sgd.step()
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save(network.body.state_dict(), path)
    return path


def run_on_ground(folder: Path, methods: list[str], **changes: Any) -> Path:
    """The toy's tasks on these weights, which are in the working folder; returns the results."""
    if not (folder / "toy.pth").exists():
        write_ground(folder / "toy.pth")
    return run_toy(folder, methods, **{**CHANGES, **changes})


def run_whole_on_ground(folder: Path, methods: list[str], **changes: Any) -> Path:
    """The same with tables and report."""
    run_on_ground(folder, methods, **changes)
    return run_whole_toy(folder, methods, **{**CHANGES, **changes})
