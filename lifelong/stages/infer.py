"""Every task learned so far, on the model as it is now: one row of the accuracy matrix.

No decision is taken on the test split under `protocol: clean`: it is measured here and, for the
curves of the layer family, during training. The stage also proves that nothing was forgotten: the
logits of older tasks are compared with those of the run before, bit for bit.
"""

import logging
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from lifelong import store
from lifelong.data.batches import TaskData
from lifelong.families import FAMILIES, family_of
from lifelong.families.separate import repetitions
from lifelong.masks import Model
from lifelong.plan.errors import DamagedFile
from lifelong.plan.methods import METHODS
from lifelong.plan.stage import Stage
from lifelong.records.rows import Row, stage_row
from lifelong.train.device import prepare
from lifelong.train.evaluate import accuracy, logits
from lifelong.work.features import Kept
from lifelong.work.mistakes import Answers, Mistake, answers, mistakes, to_csv
from lifelong.work.pairs import Judge, verification
from lifelong.work.shards import lineage
from lifelong.work.work import commit, load_task, pack_of

log = logging.getLogger(__name__)


def run(stage: Stage) -> None:
    """Write the record, logits.h5 for the next run to compare with, and what the report shows of
    the answers: confusion.csv and mistakes.csv.
    """
    device = prepare(stage.threads)
    paths = _shards(stage)
    model = family_of(stage.spec.base).read(paths, stage.spec)
    rows: list[Row] = []
    confusion: list[Answers] = []
    wrong: list[Mistake] = []
    outputs: dict[str, np.ndarray] = {}
    for position, data in enumerate(stage.spec.data, 1):
        task = load_task(stage, data, device)
        here = _logits(stage, model, position, task)
        outputs[f"{position:03d}"] = here.cpu().numpy()
        rows.append(_row(stage, model, data["task"], accuracy(here, task.test.labels), 0))
        confusion += answers(data["task"], task, here)
        wrong += mistakes(data["task"], task, here)
        for attempt, view in enumerate(_repetitions(stage, paths, position), 1):
            again = logits(view.view(1, device), task.test, task.mean, task.std)
            value = accuracy(again, task.test.labels)
            rows.append(_row(stage, model, data["task"], value, attempt))
    measured = _verified(stage, model, paths, device)
    changed = _changed(stage, paths, outputs, device)
    files = {
        "logits.h5": store.write_arrays(Path(stage.path("logits.h5")), outputs, {"kind": "logits"}),
        "confusion.csv": _write(stage, "confusion.csv", to_csv(Answers, confusion)),
        "mistakes.csv": _write(stage, "mistakes.csv", to_csv(Mistake, wrong)),
    }
    mean = float(np.mean([r.value for r in rows]))
    log.info("%d tasks, mean test accuracy %.4f", len(outputs), mean)
    commit(stage, files, rows + measured, {"changed": changed})


def _write(stage: Stage, name: str, text: str) -> str:
    return store.write_text(Path(stage.path(name)), text)


def _logits(stage: Stage, model: Any, position: int, task: TaskData) -> Tensor:
    """The logits of a task's test images; through features that were kept, where there are some."""
    network, test = model.view(position, str(task.test.labels.device)), task.test
    if model.bare(position):
        data = stage.spec.data[position - 1]
        kept = Kept(network, Path(stage.input("ground")), pack_of(stage, data), data)
        network, test = network.after_features(), kept.of_split("test", test, task)
    return logits(network, test, task.mean, task.std)


def _row(stage: Stage, model: Any, task: str, value: float, attempt: int) -> Row:
    width = model.shards[-1].card.width
    return stage_row(
        stage, "accuracy", value, on_task=task, split="test", attempt=attempt, width=width
    )


def _verified(stage: Stage, model: Any, paths: list[Path], device: str) -> list[Row]:
    """Pairs of faces, by the newest task's networks; those of an older one are as they were."""
    if not stage.input_list("pairs"):
        return []
    position = stage.spec.pairs.get("position", len(model.shards))  # said of a task of a lesson
    card, pack = model.shards[position - 1].card, Path(stage.input("pairs"))
    networks = [model.view(position, device)]
    networks += [one.view(1, device) for one in _repetitions(stage, paths, position)]
    rows, judge, asked = [], None, stage.spec.pairs.get("expression_position")
    if asked is not None:
        judge = Judge(model.view(asked, device), model.shards[asked - 1].card)
    for attempt, network in enumerate(networks):
        metrics = verification(network, card, pack, stage.spec.pairs, device, judge)
        log.info("pairs: accuracy %.4f", metrics["verification_accuracy"])
        at = {"attempt": attempt, "on_task": card.task, "split": "test", "width": card.width}
        rows += [stage_row(stage, metric, value, **at) for metric, value in metrics.items()]
    return rows


def _shards(stage: Stage) -> list[Path]:
    """The shards of all tasks so far: those given, or those that the newest was learned on."""
    given = stage.input_list("shards")
    return [Path(path) for path in given] if METHODS[stage.spec.base].alone else lineage(given)


def _repetitions(stage: Stage, paths: list[Path], position: int) -> list[Model]:
    """The further networks of a task that was learned several times, beside its first."""
    return repetitions(paths[position - 1]) if stage.input_list("baselines") else []


def _changed(stage: Stage, paths: list[Path], now: dict[str, np.ndarray], device: str) -> list[str]:
    """Names of tasks whose logits differ from the run before: because their method lets them
    follow shared layers, or only because the machine does.

    Raises DamagedFile where a task itself changed. Other processors or thread counts sum in
    another order; then the task is computed again from its own shards alone, here and now.
    """
    if not stage.input_list("before"):
        return []
    before = Path(stage.input("before"))
    saved, _ = store.read_arrays(before, digest=store.verified(before))
    others = [key for key, value in saved.items() if not np.array_equal(value, now[key])]
    names = []
    row = METHODS[stage.spec.base]
    for key in others:
        position = int(key)
        if not row.isolates:  # what it is about: shared layers follow the newest task
            names.append(stage.spec.data[position - 1]["task"])
            continue
        alone = FAMILIES[row.family].read(paths[:position], stage.spec)
        data = stage.spec.data[position - 1]
        task = load_task(stage, data, device)
        if not torch.equal(_logits(stage, alone, position, task).cpu(), torch.from_numpy(now[key])):
            raise DamagedFile(
                Path(stage.folder).parents[1],
                f"is no whole model: task {data['task']} no longer gives the logits it was learned "
                "with",
            )
        log.warning("logits of %s differ from those computed on another machine", data["task"])
        names.append(data["task"])
    return names
