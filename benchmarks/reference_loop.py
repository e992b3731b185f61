"""What the loop saves: an epoch with data and validation, beside the published recipe's.

VGG16-BN, five classes, 2,500 training and 500 validation pictures of 32x32 as PNG files: random
ones, or a superclass of CIFAR-100 where LIFELONG_DATA names the folder that holds `cifar100_org`.
`reference` (see `reference.py`) decodes the files in every epoch; `ours` packs them once, apart
(`packing_cpu_s`), and calls `lifelong.train.loop.fit` anew for every epoch. Both start from the
same weights and take turns epoch by epoch in one process with one thread and the allocator and
denormal settings of `lifelong.train.device.prepare`, which help the reference too. Its memory
format is torch's usual one; ours goes by the network's width.

  first finetune     task 1
  later finetune     task 2 learns its weights and picks; task 1 owns half of the weights
  later prune        task 2 goes on, its picks stay, weights are released every ten steps

`cpu_s` and `wall_s` are medians over epochs, `cpu_s` with the loader's workers. `ratio` is the
median over pairs of epochs of (CPU time of the reference / CPU time of this row), `accuracy` that
of the last validation. Old weights of the reference are asserted not to have moved.
Target: a later epoch takes at least 3.5 times less CPU time.

The second table, `reference_loop_step`, takes our later finetune step apart: batches, counters of
loss and accuracy, and the question whether a save is due, each run once more after every step.
Target: together at most 2 % of a step at channels 1.0.
"""

import multiprocessing
import os
import resource
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from PIL import Image
from reference import BATCH, PAD, PRUNE_LR, Reference, due, loaders
from step_ratio import WARM_UPS, older
from steps import LR, MASK_LR
from synthetic import CLASSES, card
from table import Row, arguments, figure, machine, publish

from lifelong.data.batches import TaskData, task_data
from lifelong.data.device_split import Split
from lifelong.data.pack import read_task
from lifelong.data.packing import write_pack
from lifelong.masks.learner import Learner
from lifelong.masks.model import Model
from lifelong.optim.phase import Phase
from lifelong.train.device import prepare
from lifelong.train.loop import fit
from lifelong.train.step import mask_step
from lifelong.work.resume import ResumeFile

GROUP, SIZES, TOY_SIZES = "fish", {"train": 500, "test": 100}, {"train": 72, "test": 4}
LATER = ("later finetune", "later prune")
TARGETS = {("ours", name, channels): 3.5 for name in LATER for channels in (0.25, 1.0)}
SHARE_TARGETS = {("all of these", 1.0): 0.02}
STEPS = 20  # of the second table


class Spent(NamedTuple):
    cpu_s: float
    wall_s: float
    accuracy: float


def tree(folder: Path, quick: bool) -> Path:
    """A folder with {train,test}/GROUP/<class>/*.png."""
    given, random = os.environ.get("LIFELONG_DATA"), np.random.default_rng(0)
    for split, images in (TOY_SIZES if quick else SIZES).items():
        group = folder / split / GROUP
        group.parent.mkdir()
        if given and not quick:
            group.symlink_to(Path(given).resolve() / "cifar100_org" / split / GROUP)
            continue
        for name in map(str, range(CLASSES)):
            (group / name).mkdir(parents=True)
            for index in range(images):
                pixels = random.integers(256, size=(32, 32, 3), dtype=np.uint8)
                Image.fromarray(pixels).save(group / name / f"{index:03}.png")
    return folder


def packed(root: Path) -> tuple[Row, TaskData]:
    """The same pictures as our loop wants them, and what packing and reading the pack cost."""
    settings = {"source": "cifar100_folders", "root": str(root), "image_size": None, "channels": 3,
                "validation": 0.0, "seed": 0}  # fmt: skip
    cpu, wall = _cpu_s(), time.perf_counter()
    write_pack(root / "pack.h5", settings)
    data = task_data(read_task(root / "pack.h5", None, GROUP), "paper")
    cpu, wall = _cpu_s() - cpu, time.perf_counter() - wall
    return {"packing_cpu_s": figure(cpu, 2), "packing_wall_s": figure(wall, 2)}, data


def spent(work: Callable[[], float]) -> Spent:
    """What some work costs, processes it started included; `work` returns an accuracy."""
    cpu, wall = _cpu_s(), time.perf_counter()
    found = work()
    multiprocessing.active_children()  # waits for those that have ended: only then do they count
    return Spent(_cpu_s() - cpu, time.perf_counter() - wall, found)


def _cpu_s() -> float:
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def ours(learner: Learner, data: TaskData, phase: Phase, pruning: bool) -> Callable[[], float]:
    """A function that trains for one epoch more and returns the accuracy."""
    number = count()

    def epoch() -> float:
        done = next(number)

        def prune(step: int, steps_an_epoch: int) -> None:
            if (ratio := due(done * steps_an_epoch + step, steps_an_epoch)) is not None:
                learner.prune_to(ratio)

        step = mask_step(learner, phase)
        hook = prune if pruning else None
        return fit(step, data, phase, done, after_step=hook).epochs[-1].accuracy

    return epoch


def measure(channels: float, epochs: int, root: Path, data: TaskData) -> list[Row]:
    """Two rows a phase: the reference's and ours."""
    files = loaders(root, GROUP, data.mean, data.std)
    rows: list[Row] = []
    for task, base in ("first", Model()), ("later", older(channels)):
        learner = Learner(base, card(len(base.shards) + 1, channels), seed=2)
        reference = Reference(learner, base.owners)
        for stage in ("finetune", "prune") if task == "later" else ("finetune",):
            pruning = stage == "prune"
            if pruning:
                learner.freeze_scores()
            reference.start(pruning)
            phase = Phase(1, PRUNE_LR) if pruning else Phase(1, LR, mask_lr=MASK_LR)
            our = ours(learner, data, phase, pruning)
            theirs = partial(reference.epoch, *files)
            pairs = [(spent(theirs), spent(our)) for _ in range(epochs)]
            reference.check_old()
            rows += _rows(f"{task} {stage}", channels, pairs)
    return rows


def _rows(name: str, channels: float, pairs: list[tuple[Spent, Spent]]) -> list[Row]:
    rows = []
    for variant, times in zip(("reference", "ours"), zip(*pairs, strict=True), strict=True):
        ratios = [base.cpu_s / one.cpu_s for (base, _), one in zip(pairs, times, strict=True)]
        ratio = statistics.median(ratios)
        target = TARGETS.get((variant, name, channels), "")
        rows.append(
            {
                "epoch": name,
                "variant": variant,
                "channels": channels,
                "cpu_s": figure(statistics.median(one.cpu_s for one in times), 2),
                "wall_s": figure(statistics.median(one.wall_s for one in times), 2),
                "ratio": figure(ratio, 2),
                "ratio_min": figure(min(ratios), 2),
                "ratio_max": figure(max(ratios), 2),
                "target": target,
                "met": "" if target == "" else "yes" if ratio >= target else "no",
                "accuracy": round(times[-1].accuracy, 3),
                "epochs": len(times),
            }
        )
    return rows


class Parts:
    """A hook of the loop that runs the parts of a step once more, and notes the whole."""

    def __init__(self, learner: Learner, data: TaskData, resume: ResumeFile) -> None:
        form = learner.network.form
        phase = Phase(1, 0.0, batch_size=BATCH, crop_padding=PAD)
        batches = data.batches(phase, 0, form)
        self.stream, self.resume = batches.epoch(0), resume
        self.loss, self.found = torch.rand(()), torch.rand(BATCH, CLASSES)
        self.loss_sum, self.correct = torch.zeros(()), torch.zeros((), dtype=torch.int64)
        self.times: dict[str, list[float]] = {}
        self.ended = time.process_time()

    def __call__(self, step: int, steps_an_epoch: int) -> None:
        self._note("whole step", self.ended)
        _, y = self._timed("batches", lambda: next(self.stream))
        self._timed("counters", lambda: self._count(y))
        self._timed("save due", self.resume.due)
        self.ended = time.process_time()

    def _count(self, y: torch.Tensor) -> None:
        self.loss_sum += self.loss.detach() * len(y)
        self.correct += (self.found.detach().argmax(1) == y).sum()

    def _timed(self, name: str, work: Callable[[], Any]) -> Any:
        started = time.process_time()
        found = work()
        self._note(name, started)
        return found

    def _note(self, name: str, started: float) -> None:
        self.times.setdefault(name, []).append((time.process_time() - started) * 1000)


def shares(channels: float, steps: int, folder: Path, data: TaskData) -> list[Row]:
    """One row a part of our later finetune step."""
    learner, resume = (
        Learner(older(channels), card(2, channels), 2),
        ResumeFile(folder / "r.h5", ""),
    )
    parts = Parts(learner, data, resume)
    few = Split(data.train.images[: steps * BATCH], data.train.labels[: steps * BATCH])
    phase = Phase(1, LR, mask_lr=MASK_LR)
    step = mask_step(learner, phase)
    fit(step, replace(data, train=few), phase, 0, after_step=parts, resume=resume)
    found = {name: statistics.median(times[WARM_UPS:]) for name, times in parts.times.items()}
    whole = found.pop("whole step")
    found |= {"all of these": sum(found.values()), "whole step": whole}
    rows = []
    for name, cpu_ms in found.items():
        target = SHARE_TARGETS.get((name, channels), "")
        rows.append(
            {
                "part": name,
                "channels": channels,
                "cpu_ms": figure(cpu_ms, 3),
                "share": figure(cpu_ms / whole, 4),
                "target": target,
                "met": "" if target == "" else "yes" if cpu_ms / whole <= target else "no",
                "steps": steps - WARM_UPS,
            }
        )
    return rows


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--channels", type=float, nargs="+", default=[0.25])
    parser.add_argument("--epochs", type=int, default=3, help="of each phase")
    options = parser.parse_args()
    steps = WARM_UPS + 3 if options.quick else STEPS
    if options.quick:
        options.channels, options.epochs = [0.0625], 1
    images = "random" if options.quick or not os.environ.get("LIFELONG_DATA") else GROUP
    facts = machine() | {"threads": 1, "batch": BATCH, "images": images}
    prepare(threads=1)
    torch.manual_seed(0)
    with tempfile.TemporaryDirectory() as name:
        folder = tree(Path(name), options.quick)
        packing, data = packed(folder)
        facts |= packing
        rows = [r for c in options.channels for r in measure(c, options.epochs, folder, data)]
        parts = [r for c in options.channels for r in shares(c, steps, folder, data)]
    publish("reference_loop", rows, facts, options.out)
    publish("reference_loop_step", parts, facts, options.out)


if __name__ == "__main__":
    main()
