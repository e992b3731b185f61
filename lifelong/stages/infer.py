"""Every task learned so far, on the model as it is now: one row of the accuracy matrix.

No decision is taken on the test split under `protocol: clean`: it is measured here, and beside the
curves that methods of the layer family record while they learn. The stage also proves that nothing
was forgotten: the logits of older tasks are compared with those of the run before, bit for bit.
"""

import logging
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from lifelong import store
from lifelong.data.batches import TaskData
from lifelong.layers.model import LayerModel
from lifelong.masks import Model
from lifelong.methods import LAYER_METHODS
from lifelong.plan.errors import DamagedFile
from lifelong.plan.stage import Stage
from lifelong.records.rows import Row
from lifelong.stages.baseline import file_name
from lifelong.train.device import prepare
from lifelong.train.evaluate import accuracy, logits
from lifelong.work.pairs import verification
from lifelong.work.shards import is_layered, read_layers, read_model
from lifelong.work.work import commit, load_task, row

log = logging.getLogger(__name__)


def run(stage: Stage) -> None:
    """Write the record, and logits.h5 for the next run to compare with."""
    device = prepare(stage.threads)
    paths = stage.input_list("shards")
    model = _model(stage, paths)
    rows: list[Row] = []
    found: dict[str, np.ndarray] = {}
    for position, data in enumerate(stage.spec["data"], 1):
        task = load_task(stage, data, stage.input_list("packs")[position - 1], device)
        here = _logits(model, position, task, device)
        found[f"{position:03d}"] = here.cpu().numpy()
        rows.append(_row(stage, model, data["task"], accuracy(here, task.test.labels), 0))
        for attempt, view in enumerate(_repetitions(paths[position - 1]), 1):
            value = accuracy(_logits(view, 1, task, device), task.test.labels)
            rows.append(_row(stage, model, data["task"], value, attempt))
    measured = _verified(stage, model, device)
    changed = _changed(stage, model, found, device)
    digest = store.write_arrays(Path(stage.path("logits.h5")), found, {"kind": "logits"})
    mean = float(np.mean([r.value for r in rows]))
    log.info("%d tasks, mean test accuracy %.4f", len(found), mean)
    commit(stage, {"logits.h5": digest}, rows + measured, {"changed": changed})


def _logits(model: Model | LayerModel, position: int, task: TaskData, device: str) -> Tensor:
    return logits(model.view(position, device), task.test, task.mean, task.std)


def _row(stage: Stage, model: Model | LayerModel, task: str, value: float, attempt: int) -> Row:
    width = model.shards[-1].card.width
    return row(stage, "accuracy", value, on_task=task, split="test", attempt=attempt, width=width)


def _verified(stage: Stage, model: Model | LayerModel, device: str) -> list[Row]:
    """Pairs of faces, by the newest task's networks; those of an older one are as they were."""
    if not stage.input_list("pairs") or isinstance(model, LayerModel):
        return []
    card, pack = model.shards[-1].card, Path(stage.input("pairs"))
    networks = [model.view(len(model.shards), device)]
    networks += [one.view(1, device) for one in _repetitions(stage.input_list("shards")[-1])]
    rows = []
    for attempt, network in enumerate(networks):
        found = verification(network, card, pack, stage.spec["pairs"], device)
        log.info("pairs: accuracy %.4f", found["verification_accuracy"])
        at = {"attempt": attempt, "on_task": card.task, "split": "test", "width": card.width}
        rows += [row(stage, metric, value, **at) for metric, value in found.items()]
    return rows


def _repetitions(path: str) -> list[Model]:
    """The further networks of a finetuned task, beside its first."""
    folder = Path(path).parent
    names = store.read_manifest(folder)["files"]
    found = []
    for repetition in range(1, len(names)):
        if file_name(repetition) in names:
            found.append(read_model([folder / file_name(repetition)]))
    return found


def _model(stage: Stage, paths: list[str]) -> Model | LayerModel:
    base = is_layered(Path(paths[0]))
    if base is None:
        return read_model(paths, stage.spec)
    return read_layers(paths, LAYER_METHODS[base], stage.spec)


def _changed(
    stage: Stage, model: Model | LayerModel, now: dict[str, np.ndarray], device: str
) -> list[str]:
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
    drifts = isinstance(model, LayerModel) and not LAYER_METHODS[stage.spec["base"]].isolates
    for key in others:
        position = int(key)
        if drifts:  # what this family is about: shared layers follow the newest task
            names.append(stage.spec["data"][position - 1]["task"])
            continue
        alone = _model(stage, stage.input_list("shards")[:position])
        data = stage.spec["data"][position - 1]
        task = load_task(stage, data, stage.input_list("packs")[position - 1], device)
        if not torch.equal(
            _logits(alone, position, task, device).cpu(), torch.from_numpy(now[key])
        ):
            raise DamagedFile(
                f"task {data['task']} no longer gives the logits it was learned with: the shards "
                f"of {Path(stage.folder).parents[1]} do not fit together; delete them and run again"
            )
        log.warning("logits of %s differ from those computed on another machine", data["task"])
        names.append(data["task"])
    return names
