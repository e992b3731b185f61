"""Records as methods that share layers write them: one worked by hand, others by a rule."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from typing import NamedTuple

import numpy as np

from lifelong import store
from lifelong.plan.paths import Paths, slug
from lifelong.plan.patterns import OWN, SHARED, configurations
from lifelong.records.rows import Row, to_csv

STAGES = ("train", "select", "retrain", "infer")
Curve = dict[int, float]  # a number by epoch


class About(NamedTuple):
    """The columns that say what a method reported about itself."""

    metric: str
    layer: int | None = None
    pattern: str | None = None


@dataclass(frozen=True)
class Run:
    """One run; every list has one entry per task."""

    method: str
    seed: int
    tasks: Sequence[str]
    epochs: int
    live: list[dict[tuple[str, str], Curve]]  # of a phase, by (on_task, split)
    committed: list[list[float]]  # test accuracies of all tasks learned
    patterns: list[str]
    weights: list[int]
    facts: list[dict[About, Curve]] = field(default_factory=list)  # of a phase
    base: str = "hps"

    def rows(self, stage: str, place: int) -> list[Row]:
        """The record of a stage of the task at a place, counted from 0."""
        task = self.tasks[place]
        where = {"experiment": "toy", "protocol": "clean", "method": self.method}
        where |= {"seed": self.seed, "task": task, "stage": stage, "width": 1.0}
        return [Row(**{**where, **found}) for found in getattr(self, f"_{stage}")(place)]

    def _train(self, place: int) -> Iterator[dict]:
        for (on_task, split), curve in self.live[place].items():
            at = {"metric": "accuracy", "on_task": on_task, "split": split}
            yield from ({**at, "epoch": epoch, "value": curve[epoch]} for epoch in curve)
        for about, curve in (self.facts[place] if self.facts else {}).items():
            yield from ({**about._asdict(), "epoch": at, "value": curve[at]} for at in curve)
        for epoch in range(1, self.epochs + 1):
            yield {"metric": "loss", "split": "train", "epoch": epoch, "value": 1 / epoch}

    def _select(self, place: int) -> Iterator[dict]:
        for layer, letter in enumerate(self.patterns[place]):
            yield {"metric": "shares", "layer": layer, "value": float(letter == SHARED)}

    def _retrain(self, place: int) -> Iterator[dict]:
        for task, value in zip(self.tasks, self.committed[place], strict=False):
            yield {"metric": "accuracy", "on_task": task, "split": "validation", "value": value}
        before = self.weights[place - 1] if place else 0
        sizes = {"weights_owned": float(self.weights[place] - before)}
        sizes |= {"weights_reference": 100.0, "bytes_file": 400.0, "bytes_reference": 800.0}
        yield from ({"metric": name, "value": sizes[name]} for name in sizes)

    def _infer(self, place: int) -> Iterator[dict]:
        for task, value in zip(self.tasks, self.committed[place], strict=False):
            at = {"on_task": task, "split": "test", "attempt": 0}
            yield {"metric": "accuracy", "value": value, **at}


def all_rows(runs: Sequence[Run]) -> list[Row]:
    """The records in the order in which tables read them: stage by stage, train last."""
    order = (*STAGES[1:], "train")
    cases = ((stage, run, place) for stage in order for run in runs for place in _places(run))
    return [row for stage, run, place in cases for row in run.rows(stage, place)]


def _places(run: Run) -> range:
    return range(len(run.live))


def write_results(folder: Path, runs: Sequence[Run], seconds: float | None = 60.0) -> Path:
    """The records as a results tree with manifests and timing; returns the experiment's folder."""
    paths = Paths("toy", str(folder))
    for run, stage in product(runs, STAGES):
        for place in _places(run):
            where = Path(
                paths.stage(stage, run.method, run.seed, slug(place + 1, run.tasks[place]))
            )
            digest = store.write_text(where / "record.csv", to_csv(run.rows(stage, place)))
            store.write_manifest(where, {"record.csv": digest}, spec=_spec(run, stage, place))
            if seconds is not None:
                (where / "timing.json").write_text(json.dumps({"seconds": seconds}))
    return Path(paths.base)


def _spec(run: Run, stage: str, place: int) -> dict:
    training = {"epochs": run.epochs, "lr": 1e-4, "decay": 2.5e-4, "batch_size": 10}
    return {
        **{"kind": stage, "experiment": "toy", "method": run.method, "seed": run.seed},
        **{"position": place + 1, "task": run.tasks[place], "base": run.base},
        **{"network": {"name": "cifar_cnn4", "channels": 1.0}, "pattern": ""},
        **{"options": {"dropout": 0.5, "groups": None}, "training": training},
    }


def worked(seed: int = 0, more: float = 0.0) -> Run:
    """Two tasks of three epochs; `more` is added to every test accuracy."""

    def test(*values: float, begin: int = 1) -> Curve:
        return {epoch: value + more for epoch, value in enumerate(values, begin)}

    first = {
        ("fish", "train"): dict(enumerate([0.1, 0.5, 0.7, 0.9])),
        ("fish", "validation"): dict(enumerate([0.1, 0.5, 0.7, 0.7])),
        ("fish", "test"): test(0.1, 0.40, 0.60, 0.62, begin=0),
    }
    second = {
        ("apes", "train"): dict(enumerate([0.4, 0.6, 0.8], 1)),
        ("apes", "validation"): dict(enumerate([0.3, 0.8, 0.6], 1)),
        ("apes", "test"): test(0.50, 0.49, 0.70),
        ("fish", "train"): dict(enumerate([0.85, 0.8, 0.75], 1)),
        ("fish", "validation"): dict(enumerate([0.65, 0.6, 0.55], 1)),
        ("fish", "test"): test(0.55, 0.50, 0.45),
    }
    return Run(
        method="hps",
        seed=seed,
        tasks=("fish", "apes"),
        epochs=3,
        live=[first, second],
        committed=[[0.61], [0.57 + more, 0.68 + more]],
        patterns=["SS--", "S---"],
        weights=[100, 160],
    )


_NAMES = ("aquatic_mammals", "fish", "flowers", "food_containers", "insects")
_DRIFT = {"stl": 0.0, "hps": 0.12, "lasem": 0.04}  # of older tasks, per task learned since
_TOPS = {"train": 1.0, "validation": 0.5, "test": 0.45}


def invented(method: str, depth: int = 4, tasks: int = 3, epochs: int = 120, every: int = 2) -> Run:
    """A run as it might be: `stl` forgets nothing, `lasem` chooses among all patterns."""
    noise = np.random.default_rng([*method.encode(), depth])
    names = [f"{_NAMES[i % 5]}{'' if i < 5 else i}" for i in range(tasks)]
    drift, chooses = _DRIFT[method], method == "lasem"
    fixed = OWN * depth if method == "stl" else SHARED * 2 + OWN * (depth - 2)
    found = [_posterior(noise, depth, epochs) if chooses else (fixed, {}) for _ in names]
    return Run(
        method=method,
        seed=0,
        tasks=names,
        epochs=epochs,
        live=[_phase(noise, names[: i + 1], epochs, every, drift) for i in range(tasks)],
        committed=[
            [
                max(0.1, float(0.44 - drift * (i - on) / 2 + 0.01 * noise.normal()))
                for on in range(i + 1)
            ]
            for i in range(tasks)
        ],
        patterns=[pattern for pattern, _ in found],
        weights=[100_000 + 60_000 * i for i in range(tasks)],
        facts=[facts for _, facts in found],
    )


def _phase(
    noise: np.random.Generator, names: list[str], epochs: int, every: int, drift: float
) -> dict[tuple[str, str], Curve]:
    """The newest task rises, older ones fall; those that cannot are not measured."""
    seen = [epoch for epoch in range(1, epochs + 1) if epoch % every == 0 or epoch == epochs]
    phase = {}
    for (age, task), split in product(enumerate(reversed(names)), _TOPS):
        if not age:
            means = {epoch: _TOPS[split] * (1 - np.exp(-8 * epoch / epochs)) for epoch in seen}
            means |= {0: 0.1} if len(names) == 1 else {}
        elif drift:
            means = {e: _TOPS[split] - drift * (age - 1 + (e / epochs) ** 0.5) for e in seen}
        else:
            continue
        phase[task, split] = {
            epoch: float(np.clip(mean + 0.015 * noise.normal(), 0, 1))
            for epoch, mean in sorted(means.items())
        }
    return phase


def _posterior(
    noise: np.random.Generator, depth: int, epochs: int
) -> tuple[str, dict[About, Curve]]:
    """The best pattern at the end, and the running mean of what each epoch says of all patterns."""
    names = configurations(depth)
    likely = np.exp(0.5 * noise.normal(size=len(names)))
    total, facts = np.zeros(len(names)), {name: {} for name in names}
    now: dict[str, Curve] = {name: {} for name in names}
    before = np.full(len(names), 1 / len(names))
    for epoch in range(1, epochs + 1):
        q = before * likely * np.exp(0.2 * noise.normal(size=len(names)))
        q /= q.sum()
        total += q
        before = total / epoch
        for name, prior, mean in zip(names, before, q, strict=True):
            facts[name][epoch], now[name][epoch] = float(prior), float(mean)
    found = {About("posterior", pattern=name): curve for name, curve in facts.items()}
    found |= {About("posterior_epoch", pattern=name): curve for name, curve in now.items()}
    return names[int(before.argmax())], found
