"""What grows with the number of tasks: a training step, an evaluation, memory, loading, the DAG.

Models of a small VGG16-BN that were never trained. Their older tasks own 95 % of the weights,
however many they are, so that only their number differs. All models are stepped and evaluated in
turn in one process with one thread; `ratio` is the median over rounds of (this / the model with
one older task, of the same round).

`scale.csv`, a row a model; `task` is the one that is learned or evaluated next:
  step_cpu_ms    a training step of that task while its picks are learned
  eval_cpu_ms    an evaluation of task 1: its network from the model, and `IMAGES` pictures
  learn_mb       10^6 bytes of the model a job learns on: weights, owners, the newest's own tensors
  view_mb        the same with own tensors and picks, as a job that evaluates all tasks holds it
  disk_mb        of all shards
  model_s        CPU seconds to verify, read and assemble the model a job learns on
`dag.csv`: seconds of `snakemake -n` from nothing on two experiments of as many jobs, wall and CPU.

Targets: the ratios of the last model at most 1.05.
"""

import os
import re
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import synthetic
import torch
import yaml
from checkpoints import cpu_s, written
from default_experiment import ROOT, copy_workflow
from steps import Ours
from table import Row, arguments, figure, machine, publish
from torch import Tensor

from lifelong import store
from lifelong.masks import Learner, Model
from lifelong.nets.build import memory_format
from lifelong.plan.reading import read
from lifelong.train.device import prepare
from lifelong.work import shards

OLDER, OWNED, BATCH, IMAGES, MB = (1, 19, 99), 0.95, 32, 256, 1e6
TARGET, WARM_UPS = 1.05, 2
METHODS = ["cpg", "packnet", "pae"]
_JOBS = re.compile(r"^total\s+(\d+)", re.MULTILINE)


@dataclass
class Case:
    """A model of some older tasks and what is done with it."""

    older: int
    paths: list[Path]
    model: Model
    step: Callable[[Tensor, Tensor], None]
    evaluate: Callable[[], None]


def case(folder: Path, older: int, channels: float, pictures: Tensor) -> Case:
    """Write the shards of the older tasks and start the next."""
    model = Model()
    paths: list[Path] = []
    for shard in synthetic.shards(older, channels, [OWNED / older] * older):
        model.add(written(folder / str(older), model, shard, paths))
    ours = Ours(Learner(model, synthetic.card(older + 1, channels), seed=1), picking=True)
    ours.learner.network.train()

    @torch.no_grad()
    def evaluate() -> None:
        network = model.view(1)
        network(pictures.to(memory_format=network.form))

    return Case(older, paths, model, ours.step, evaluate)


def measure(folder: Path, channels: float, older: tuple[int, ...], rounds: int) -> list[Row]:
    """One row a model."""
    generator = torch.Generator().manual_seed(0)
    pictures = torch.randn(IMAGES, 3, 32, 32, generator=generator)
    cases = [case(folder, count, channels, pictures) for count in older]
    form = memory_format(cases[0].model.view(1), "cpu")
    x, y = pictures[:BATCH].to(memory_format=form), torch.arange(BATCH) % synthetic.CLASSES
    steps: list[list[float]] = [[] for _ in cases]
    evaluations: list[list[float]] = [[] for _ in cases]
    for _ in range(WARM_UPS + rounds):
        for one, step, evaluation in zip(cases, steps, evaluations, strict=True):
            step.append(_cpu_ms(lambda one=one: one.step(x, y)))  # type: ignore[misc]
            evaluation.append(_cpu_ms(one.evaluate))
    last = cases[-1]
    return [
        _row(one, channels, _against(step, steps[0]), _against(evaluation, evaluations[0]))
        | _met(one is last and older == OLDER, [step, evaluation], [steps[0], evaluations[0]])
        for one, step, evaluation in zip(cases, steps, evaluations, strict=True)
    ]


def _cpu_ms(do: Callable[[], None]) -> float:
    started = time.process_time()
    do()
    return (time.process_time() - started) * 1000


def _against(times: list[float], first: list[float]) -> tuple[float, float]:
    """The median of times and of their ratios to the first model's."""
    here, there = times[WARM_UPS:], first[WARM_UPS:]
    ratios = [one / base for one, base in zip(here, there, strict=True)]
    return figure(statistics.median(here), 2), figure(statistics.median(ratios), 3)


def _met(applies: bool, times: list[list[float]], first: list[list[float]]) -> Row:
    if not applies:
        return {"target": "", "met": ""}
    ratios = [_against(one, base)[1] for one, base in zip(times, first, strict=True)]
    return {"target": TARGET, "met": "yes" if max(ratios) <= TARGET else "no"}


def _row(one: Case, channels: float, step: tuple[float, float], view: tuple[float, float]) -> Row:
    def read() -> None:
        for path in one.paths:
            store.digest(path)  # `store.verified` remembers it within a process
        shards.read_model(one.paths, views=False)

    return {
        "task": one.older + 1,
        "channels": channels,
        "step_cpu_ms": step[0],
        "step_ratio": step[1],
        "eval_cpu_ms": view[0],
        "eval_ratio": view[1],
        "learn_mb": round(held(shards.read_model(one.paths, views=False)) / MB, 2),
        "view_mb": round(held(one.model) / MB, 2),
        "disk_mb": round(sum(path.stat().st_size for path in one.paths) / MB, 2),
        "model_s": figure(cpu_s(read, 3), 3),
    }


def held(model: Model) -> int:
    """Bytes of a model's arrays."""
    arrays = [*model.weights.values(), *model.owners.values()]
    for part in model.shards:
        arrays += [*part.values.values(), *part.dense.values()]
        arrays += [] if part.picks is None else [part.picks]
    return sum(array.nbytes for array in arrays)


def dag(tasks: int, seeds: int) -> Row:
    """A dry run of three methods from nothing."""
    names = [f"t{i:03d}" for i in range(tasks)]
    config = read(ROOT / "config.yaml") | {
        "experiment": "scale",
        "methods": METHODS,
        "seeds": list(range(seeds)),
        "datasets": {"digits": {"source": "digits", "channels": 1}},
        "tasks": [
            {"name": name, "classes": [i % 10, (i + 1) % 10]} for i, name in enumerate(names)
        ],
        "overlapping_classes": True,
        "goals": {"policy": "given", "given": dict.fromkeys(names, 0.9)},
    }
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        copy_workflow(folder)
        (folder / "scale.yaml").write_text(yaml.safe_dump(config))
        command = [sys.executable, "-m", "snakemake", "--dry-run", "--quiet", "rules"]
        command += ["--cores", "2", "--configfile", "scale.yaml"]
        environment = os.environ | {"PYTHONPATH": str(folder)}
        before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
        started = time.perf_counter()
        done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
        seconds = time.perf_counter() - started
    if done.returncode:
        raise SystemExit(f"snakemake failed:\n{(done.stdout + done.stderr)[-4000:]}")
    spent = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before
    jobs = _JOBS.findall(done.stdout + done.stderr)
    return {
        "tasks": tasks,
        "seeds": seeds,
        "methods": len(METHODS),
        "jobs": int(jobs[-1]) if jobs else 0,
        "wall_s": figure(seconds, 1),
        "cpu_s": figure(spent, 1),
    }


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--channels", type=float, default=0.125)
    parser.add_argument("--rounds", type=int, default=40)
    options = parser.parse_args()
    older: tuple[int, ...] = OLDER
    experiments = [(20, 5), (100, 1)]
    if options.quick:
        options.channels, options.rounds = 0.03125, 3
        older, experiments = (1, 3), [(3, 1)]
    facts = machine() | {"threads": 1, "batch": BATCH}
    prepare(threads=1)
    with tempfile.TemporaryDirectory() as name:
        rows = measure(Path(name), options.channels, older, options.rounds)
    publish("scale", rows, facts, options.out)
    publish("dag", [dag(*one) for one in experiments], facts, options.out)


if __name__ == "__main__":
    main()
