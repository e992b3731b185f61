"""Milliseconds of a training step on a GPU, and what they mean for the 20-task experiment.

VGG16-BN on random 32x32 images, batch 32, one stream. Steps of `--steps` are timed together between
two synchronisations, variants in turn, `--rounds` times; `wall_ms` is the median. `captured` is the
training loop's way on GPUs (one CUDA graph per step), `launched` the same kernels one by one.

`projected_min` is steps of the experiment times wall_ms: of experiments/cifar100_20.yaml without
expansion, 20 tasks, on the row of the kind of step. Data and evaluation are not in it.

Target: the later task's captured step at channels 1.0 in TF32 at most 1.1 ms. Without a GPU it says
so and ends; --quick runs a toy size on whatever there is.
"""

import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import torch
from step_ratio import older
from steps import MASK_LR, PHASE
from synthetic import card
from table import Row, arguments, figure, machine, publish
from torch import Tensor

from lifelong.masks.learner import Learner
from lifelong.masks.model import Model
from lifelong.plan.config import load
from lifelong.train.device import prepare, use_precision
from lifelong.train.step import Step, mask_step

BATCH, TARGET_MS, IMAGES = 32, 1.1, 2250
EXPERIMENT = Path(__file__).parents[1] / "experiments" / "cifar100_20.yaml"
KINDS = ("first", "live", "frozen")


def learner_of(kind: str, model: Model, channels: float, device: str) -> Learner:
    """A learner of a first task, or of a second with live or frozen picks."""
    if kind == "first":
        return Learner(Model(), card(1, channels), seed=1, device=device)
    learner = Learner(model, card(2, channels), seed=2, device=device)
    if kind == "frozen":
        learner.start_scores()
        learner.freeze_scores()
    return learner


def one_by_one(work: Callable[[], None]) -> Callable[[], None]:
    """In the place of a capture: the same launches each time."""
    return work


def step_of(learner: Learner, kind: str, precision: str, update: str, captured: bool) -> Step:
    mask_lr = MASK_LR if kind == "live" else 0.0
    phase = replace(PHASE, mask_lr=mask_lr, precision=precision, update=update)
    step = mask_step(learner, phase, capture=None if captured else one_by_one)
    step.begin_epoch(phase, 0)
    return step


def time_ms(step: Step, x: Tensor, y: Tensor, steps: int) -> float:
    wait = torch.cuda.synchronize if x.is_cuda else lambda: None
    wait()
    started = time.perf_counter()
    for _ in range(steps):
        step(x, y)
    wait()
    return (time.perf_counter() - started) * 1000 / steps


def planned_steps() -> dict[str, int]:
    """Training steps of the experiment by kind, without expansion and early stops."""
    config = load([EXPERIMENT.parents[1] / "config.yaml", EXPERIMENT])
    train, prune, retrain = config["train"], config["prune"], config["retrain"]
    tasks, epoch = len(config["tasks"]), -(-IMAGES // BATCH)
    ladder = len(prune["ratios"]) * prune["epochs"]
    live = (tasks - 1) * (train["mask_epochs"] + retrain["epochs"])
    frozen = (tasks - 1) * (train["epochs"] - train["mask_epochs"] + ladder)
    first = train["epochs"] + ladder
    return {"first": first * epoch, "live": live * epoch, "frozen": frozen * epoch}


def measure(channels: float, precision: str, options: "Options") -> list[Row]:
    """One row per kind of step and way to do it."""
    use_precision(precision)
    model, device = older(channels), options.device
    steps = {
        (kind, update, captured): step_of(
            learner_of(kind, model, channels, device), kind, precision, update, captured
        )
        for kind in KINDS
        for update in options.updates
        for captured in (True, False)
    }
    form = next(iter(steps.values())).learner.network.form
    x = torch.randn(BATCH, 3, 32, 32, device=device).to(memory_format=form)
    y = torch.randint(5, (BATCH,), device=device)
    spent: dict[tuple[str, str, bool], list[float]] = {key: [] for key in steps}
    for step in steps.values():
        time_ms(step, x, y, 5)  # choose kernels, compile, capture
    for _ in range(options.rounds):
        for key, step in steps.items():
            spent[key].append(time_ms(step, x, y, options.steps))
    return [_row(*key, channels, precision, times) for key, times in spent.items()]


def _row(
    kind: str, update: str, captured: bool, channels: float, precision: str, times: list[float]
) -> Row:
    wall = statistics.median(times)
    aimed = kind == "live" and captured and channels == 1.0 and precision == "tf32"
    return {
        "step": kind,
        "channels": channels,
        "precision": precision,
        "update": update,
        "how": "captured" if captured else "launched",
        "wall_ms": figure(wall, 3),
        "wall_ms_max": figure(max(times), 3),
        "projected_min": figure(planned_steps()[kind] * wall / 60_000, 2),
        "target": TARGET_MS if aimed else "",
        "met": ("yes" if wall <= TARGET_MS else "no") if aimed else "",
    }


class Options:
    """What to measure, from the command line."""

    def __init__(self, quick: bool, device: str) -> None:
        self.device = device
        self.channels = [0.0625] if quick else [0.25, 1.0]
        self.precisions = ["float32"] if quick else ["float32", "tf32", "bfloat16"]
        self.updates = ["eager"] if quick else ["eager", "compiled"]
        self.rounds, self.steps = (1, 2) if quick else (7, 100)


def main() -> None:
    parsed = arguments(__doc__).parse_args()
    device = prepare(threads=1)
    if device == "cpu" and not parsed.quick:
        sys.exit("no CUDA device here: nothing was measured")
    options = Options(parsed.quick, device)
    gpu = torch.cuda.get_device_name() if device == "cuda" else "none"
    facts = machine() | {"gpu": gpu, "cuda": torch.version.cuda or "", "batch": BATCH}
    rows = [
        row
        for channels in options.channels
        for precision in options.precisions
        for row in measure(channels, precision, options)
    ]
    publish("gpu", rows, facts, parsed.out)


if __name__ == "__main__":
    main()
