"""A training step of VGG16-BN in two processes against one, on the cores of this machine.

Batch 64, random 32x32 images, a first task without picks. In turn: one process with one thread, one
with two, and two processes with one thread each, which send each other their gradients (gloo).
`ms` is wall time per step, the median over rounds; `ratio` is to one process with one thread.
"""

import argparse
import statistics
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from synthetic import card
from table import Row, arguments, figure, machine, publish

from lifelong.masks import Learner, Model
from lifelong.optim.phase import Phase
from lifelong.train.device import prepare
from lifelong.train.step import mask_step
from lifelong.train.world import joined

BATCH, CLASSES = 64, 5
WAYS = {"one process": (1, 1), "two threads": (1, 2), "two processes": (2, 1)}
PHASE = Phase(epochs=1, lr=0.01, batch_size=BATCH)


def seconds(channels: float, steps: int, threads: int) -> float:
    """Wall time per step in this process."""
    prepare(threads)
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(BATCH, 3, 32, 32, generator=generator)
    y = torch.randint(CLASSES, (BATCH,), generator=generator)
    step = mask_step(Learner(Model(), card(1, channels), seed=0), PHASE)
    step.begin_epoch(PHASE, 0)
    for _ in range(2):
        step(x, y)
    started = time.perf_counter()
    for _ in range(steps):
        step(x, y)
    return (time.perf_counter() - started) / steps


def measured(processes: int, threads: int, channels: float, steps: int) -> float:
    """The same in processes of their own."""
    with TemporaryDirectory() as folder:
        out = Path(folder, "seconds")
        subprocess.run(
            [
                *(sys.executable, "-m", "torch.distributed.run", "--standalone"),
                *(f"--nproc-per-node={processes}", __file__, "--process", str(out)),
                *(str(one) for one in (processes, threads, channels, steps)),
            ],
            check=True,
            stderr=subprocess.DEVNULL,
        )
        return float(out.read_text())


def one_process(out: str, processes: str, threads: str, channels: str, steps: str) -> None:
    with joined(int(processes)) as world:
        took = seconds(float(channels), int(steps), int(threads))
        if world.rank == 0:
            Path(out).write_text(str(took))


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--channels", type=float, default=0.5)
    parser.add_argument("--process", nargs=5, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.process:
        one_process(*options.process)
        return
    rounds, steps, channels = (1, 2, 0.05) if options.quick else (5, 20, options.channels)
    every = [
        {name: measured(*way, channels, steps) for name, way in WAYS.items()} for _ in range(rounds)
    ]
    rows: list[Row] = []
    for name, (processes, threads) in WAYS.items():
        ratios = [one[name] / one["one process"] for one in every]
        ms = 1000 * statistics.median(one[name] for one in every)
        rows.append(
            {"variant": name, "processes": processes, "threads": threads, "ms": figure(ms, 2)}
            | {"ratio": figure(statistics.median(ratios), 3)}
        )
    facts = {"channels": channels, "batch": BATCH, "steps": steps, "repeats": rounds}
    publish("processes", rows, facts | machine(), options.out)


if __name__ == "__main__":
    main()
