"""Bytes on disk and seconds to save, load and assemble a model of many tasks; what a run writes.

VGG16-BN whose tasks were never trained: the first owns 30 % of the weights, the others share
65 % alike, 5 % stay free; each picks 70 % of the older weights. Seconds are CPU seconds of one
thread with the files in the page cache, the median of `repeats`.

`checkpoints.csv` has a row after the first, second and last task:
  mb_*           10^6 bytes of all shards: weights, where they lie, picks, a task's own, HDF5's own
  save_s         to write the newest shard
  load_s         to verify and read all shards from their files, as bytes
  assemble_s     from there to all weights and owners of the model
  model_s        both in one, as a job that learns does it (no picks)
  view_s         the network of the first task, from the model
  learner_s      from the model to a learner of the next task
`written_bytes.csv` has what one whole run writes, by kind of file, each really written: with a
ladder of all rungs, and with one that ends two rungs above the chosen ratio.

Targets at channels 1.0 and 20 tasks: 216 MB, load_s 0.2, 5000 MB written in the whole run.
"""

import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import synthetic
import torch
from table import Row, arguments, figure, machine, publish

from lifelong import store
from lifelong.masks import Learner, Model, Shard, shard_size
from lifelong.masks.shard import Part
from lifelong.train.device import prepare
from lifelong.work import shards
from lifelong.work.resume import ResumeFile

TASKS, REPEATS, MB = 20, 3, 1e6
RUNGS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95)
LARGEST = "largest resume state"  # replaced on the clock, and no part of the sums
FURTHER = 2  # rungs climbed beyond the chosen one where training accuracy ends the ladder
TARGETS = {"mb": 216.0, "load_s": 0.2, "written": 5000.0}


def cpu_s(do: Callable[[], Any], repeats: int) -> float:
    """CPU seconds of a call, the median."""
    found = []
    for _ in range(repeats):
        started = time.process_time()
        do()
        found.append(time.process_time() - started)
    return statistics.median(found)


def written(folder: Path, model: Model, shard: Shard, paths: list[Path]) -> Part:
    """A task of the model, as `retrain` writes it."""
    lineage = tuple(store.verified(path) for path in paths)
    part = model.part(replace(shard, card=replace(shard.card, lineage=lineage)))
    path = folder / f"{len(paths) + 1:03d}" / "shard.h5"
    store.write_manifest(path.parent, {path.name: shards.save(path, part)})
    paths.append(path)
    return part


def timed(paths: list[Path], part: Part, channels: float, repeats: int) -> Row:
    """Seconds of what is done with the shards so far."""
    parts = [shards.load_part(path, picks=False) for path in paths]
    model = shards.read_model(paths)
    following = synthetic.card(len(paths) + 1, channels)

    def load() -> None:
        for path in paths:
            store.digest(path)
            store.read_arrays(path)

    def assemble() -> None:
        found = Model()
        for one in parts:
            found.add(one)

    found = {
        "save_s": cpu_s(lambda: shards.save(paths[-1], part), repeats),
        "load_s": cpu_s(load, repeats),
        "assemble_s": cpu_s(assemble, repeats),
        "model_s": cpu_s(lambda: _verified_anew(paths), repeats),
        "view_s": cpu_s(lambda: model.view(1), repeats),
        "learner_s": cpu_s(lambda: Learner(model, following, seed=1), repeats),
    }
    return {name: figure(seconds, 3) for name, seconds in found.items()}


def _verified_anew(paths: list[Path]) -> None:
    for path in paths:
        store.digest(path)  # `store.verified` remembers it within a process
    shards.read_model(paths, views=False)


def disk(parts_bytes: list[dict[str, int]], paths: list[Path]) -> Row:
    """10^6 bytes of the shards by part."""
    names = ("values", "owned", "picks", "dense")
    sums = {name: sum(sizes[name] for sizes in parts_bytes) for name in names}
    total = sum(path.stat().st_size for path in paths)
    sums |= {"hdf5": total - sum(sums.values()), "all": total}
    return {f"mb_{name}": round(count / MB, 3) for name, count in sums.items()}


def measure(folder: Path, channels: float, tasks: int, repeats: int) -> list[Row]:
    """One row after the first, the second and the last task."""
    model = Model()
    paths: list[Path] = []
    sizes: list[dict[str, int]] = []
    rows: list[Row] = []
    for position, shard in enumerate(synthetic.shards(tasks, channels), 1):
        part = written(folder, model, shard, paths)
        sizes.append(shard_size(part))
        model.add(part)
        if position in (1, 2, tasks):
            row = disk(sizes, paths) | timed(paths, part, channels, repeats)
            checked = {"mb_all": TARGETS["mb"], "load_s": TARGETS["load_s"]}
            verdict = met(channels == 1.0 and position == TASKS, row, checked)
            rows.append({"tasks": position, "channels": channels, **row, **verdict})
    return rows


def met(applies: bool, row: Row, targets: dict[str, float]) -> Row:
    """`target` and `met`, empty where no target applies."""
    if not applies:
        return {"target": "", "met": ""}
    reached = all(row[name] <= bound for name, bound in targets.items())
    said = " and ".join(f"{name} {bound:g}" for name, bound in targets.items())
    return {"target": said, "met": "yes" if reached else "no"}


def whole_run(folder: Path, channels: float, tasks: int) -> dict[str, int]:
    """Bytes that a run writes, by kind of file; every file is written and measured."""
    model = Model()
    paths: list[Path] = []
    found: dict[str, int] = {}
    for shard in synthetic.shards(tasks, channels):
        for kind, size in _of_a_task(folder, model, shard, paths).items():
            before = found.get(kind, 0)
            found[kind] = max(before, size) if kind == LARGEST else before + size
    return found


def _of_a_task(folder: Path, model: Model, chosen: Shard, paths: list[Path]) -> dict[str, int]:
    learner = Learner(model, chosen.card, seed=1)
    if model.shards:
        learner.start_scores()
        learner.freeze_scores()
    _as_if_learned(learner)
    found = {LARGEST: _resume(folder, learner)}
    found["candidate"] = _size(folder, learner.shard(with_scores=True))
    share = sum(int(mask.sum()) for mask in chosen.owned.values()) / learner.counts()["owned"]
    last = sum(ratio <= 1 - share for ratio in RUNGS) + FURTHER
    found["rungs, all"] = found["rungs, ended"] = 0
    for count, ratio in enumerate(RUNGS, 1):
        learner.prune_to(ratio)
        size = _size(folder, replace(learner.shard(), picks=None))
        found["rungs, all"] += size
        found["rungs, ended"] += size if count <= last else 0
    part = written(folder, model, chosen, paths)
    found["shard"] = paths[-1].stat().st_size
    model.add(part)
    return found


@torch.no_grad()
def _as_if_learned(learner: Learner) -> None:
    """Weights of which none is zero; else the first rung would release all that start from it."""
    generator = torch.Generator().manual_seed(2)
    for weight in learner.weights():
        weight.normal_(generator=generator)
    learner.restore()


def _size(folder: Path, shard: Shard) -> int:
    path = folder / "working.h5"
    shards.save(path, shard)
    return path.stat().st_size


def _resume(folder: Path, learner: Learner) -> int:
    """The state in the middle of learning: weights and masks, momentum, Adam's two moments."""
    state = dict(learner.state())
    state |= {f"sgd/{i}": tensor for i, tensor in enumerate(learner.weights())}
    for moment in ("first", "second"):
        state |= {f"adam/{moment}/{i}": tensor for i, tensor in enumerate(learner.scores())}
    file = ResumeFile(folder / "resume.h5", "key")
    file.save(state, {})
    return file.path.stat().st_size


def written_rows(found: dict[str, int], channels: float, tasks: int, factor: float) -> list[Row]:
    """One row a kind of file and the two sums; `factor` scales to channels 1.0."""
    ladders = {"all": "rungs, all", "ended": "rungs, ended"}
    sums = {
        f"run, ladder {name}": found["candidate"] + found[rungs] + found["shard"]
        for name, rungs in ladders.items()
    }
    rows = []
    for kind, size in (found | sums).items():
        at_full = round(size / MB * factor, 1)
        applies = kind in sums and tasks == TASKS
        row = {"written": kind, "tasks": tasks, "channels": channels, "mb": round(size / MB, 3)}
        row |= {"factor": figure(factor, 3), "mb_at_1.0": at_full}
        rows.append(row | met(applies, row, {"mb_at_1.0": TARGETS["written"]}))
    return rows


def weights(channels: float) -> int:
    """Shareable weights of the network."""
    shard = next(synthetic.shards(2, channels))
    return sum(int(np.prod(shape)) for shape in shard.shapes.values())


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--channels", type=float, default=1.0, help="of the shards timed")
    parser.add_argument("--written-at", type=float, default=0.25, help="channels of the whole run")
    parser.add_argument("--tasks", type=int, default=TASKS)
    options = parser.parse_args()
    if options.quick:
        options.channels = options.written_at = 0.03125
        options.tasks = 3
    facts = machine() | {"threads": 1, "repeats": REPEATS}
    prepare(threads=1)
    with tempfile.TemporaryDirectory() as name:
        rows = measure(Path(name), options.channels, options.tasks, REPEATS)
    publish("checkpoints", rows, facts, options.out)
    with tempfile.TemporaryDirectory() as name:
        found = whole_run(Path(name), options.written_at, options.tasks)
    factor = weights(1.0) / weights(options.written_at)
    lines = written_rows(found, options.written_at, options.tasks, factor)
    publish("written_bytes", lines, facts, options.out)


if __name__ == "__main__":
    main()
