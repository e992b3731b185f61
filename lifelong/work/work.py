"""What the body of any stage uses: images, seeds, rows, resume state, and the commit at the end."""

import hashlib
import logging
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import h5py
import torch

from lifelong import store
from lifelong.data.batches import TaskData, task_data
from lifelong.data.tasks import load_arrays, split_table
from lifelong.nets.build import check_image_size
from lifelong.plan.paths import dataset_of
from lifelong.plan.seeds import seed_of
from lifelong.plan.specs import canonical
from lifelong.plan.stage import Stage
from lifelong.records.rows import Row, stage_row, to_csv
from lifelong.train.device import machine, prepare
from lifelong.train.loop import Epoch
from lifelong.work.resume import ResumeFile
from lifelong.work.seal import input_digests, seal

log = logging.getLogger(__name__)


def load_task(stage: Stage, data: Mapping[str, Any], device: str) -> TaskData:
    """One task's images on the device, split as the protocol says."""
    pack = pack_of(stage, data)
    store.verified(pack)
    return task_data(
        load_arrays(pack, data, stage.threads),
        stage.spec.protocol,
        data.get("mean"),
        data.get("std"),
        device=device,
        crop=data.get("crop", 0),
        own_split=data.get("normalise") == "own_split",
    )


def pack_of(stage: Stage, data: Mapping[str, Any]) -> Path:
    """The pack, among a stage's inputs, that holds the images of a task."""
    packs = (*stage.input_list("pack"), *stage.input_list("packs"))
    return next(Path(path) for path in packs if dataset_of(path) == data["dataset"])


class Work:
    """A stage that trains, whatever its family: device, images, seeds, resume state and rows."""

    def __init__(self, stage: Stage) -> None:
        self.stage, self.spec = stage, stage.spec
        self.device = prepare(stage.threads)
        self.data = load_task(stage, self.spec.data, self.device)
        seen = self.data.crop or self.data.train.images.shape[-1]
        side = self.spec.network.get("input_size", seen)
        check_image_size(self.spec.network["name"], side)
        log.info(
            "%s of %s: %d training and %d %s images, %d classes, on %s",
            stage.kind,
            self.spec.task,
            len(self.data.train.labels),
            len(self.data.deciding.labels),
            self.data.deciding_name,
            len(self.data.classes),
            self.device,
        )

    def seed(self, *names: str | float) -> int:
        """The seed of one part that random numbers play in learning the task."""
        return seed_of(self.spec.random_seed, *names)

    def resume(self, *names: str | float) -> ResumeFile:
        """The resume state of one part of the stage, beside its folder."""
        part = "-".join(map(str, names))
        path = resume_folder(self.stage) / f"{part}.h5"
        inputs = input_digests(self.stage)
        key = canonical({"spec": self.spec, "part": list(names), "inputs": inputs})
        digest = hashlib.blake2b(key.encode(), digest_size=16).hexdigest()
        return ResumeFile(path, digest, ends=self.stage.ends)

    def forget(self, *names: str | float) -> None:
        """Remove the resume states of parts whose names begin so: what they gave is saved."""
        for file in resume_folder(self.stage).glob("-".join(map(str, names)) + "-*.h5"):
            file.unlink()
        self.resume(*names).forget()

    def row(self, metric: str, value: float, **where: Any) -> Row:
        return stage_row(self.stage, metric, value, **where)

    def epoch_rows(self, epochs: Iterable[Epoch], **where: Any) -> list[Row]:
        """Rows of every epoch: loss and accuracy of training, and what decides of them."""
        rows = []
        for epoch in epochs:
            at = {"epoch": epoch.epoch, **where}
            rows.append(self.row("loss", epoch.train_loss, split="train", **at))
            rows.append(self.row("accuracy", epoch.train_accuracy, split="train", **at))
            deciding = {"split": self.data.deciding_name, **at}
            if epoch.deciding_loss is not None:
                rows.append(self.row("loss", epoch.deciding_loss, **deciding))
            rows.append(self.row("accuracy", epoch.accuracy, **deciding))
        return rows


def resume_folder(stage: Stage) -> Path:
    """Undeclared, so that Snakemake leaves it when a job fails."""
    folder = Path(stage.folder)
    return folder.parent / f".resume-{folder.name}"


def commit(
    stage: Stage, files: Mapping[str, str], rows: Iterable[Row], outcome: Mapping[str, Any]
) -> None:
    """Write the record, then the manifest that makes the stage's files count.

    Stages that learn tasks from some of their images say from which, in split.csv.
    """
    record = store.write_text(Path(stage.path("record.csv")), to_csv(rows))
    versions = {"torch": torch.__version__, "h5py": h5py.__version__}
    seal(stage, {**files, **_drawn(stage), "record.csv": record}, outcome, versions, machine())
    forget(stage)


def _drawn(stage: Stage) -> dict[str, str]:
    learned = [*getattr(stage.spec, "others", ()), stage.spec.data]  # of a lesson, several tasks
    drawn = [data for data in learned if "draw" in data]
    if stage.kind not in ("baseline", "train") or not drawn:
        return {}
    tables = {data["task"]: split_table(pack_of(stage, data), data) for data in drawn}
    text = tables.popitem()[1] if len(learned) == 1 else _with_tasks(tables)
    return {"split.csv": store.write_text(Path(stage.path("split.csv")), text)}


def _with_tasks(tables: Mapping[str, str]) -> str:
    """Tables of several tasks as one, whose first column says of which."""
    lines = {task: text.splitlines(keepends=True) for task, text in tables.items()}
    header = next(iter(lines.values()))[0]
    rows = [f"{task},{line}" for task, table in lines.items() for line in table[1:]]
    return "".join([f"task,{header}", *rows])


def forget(stage: Stage) -> None:
    """Remove what a stage kept to go on from."""
    folder = resume_folder(stage)
    if folder.is_dir():
        for file in folder.iterdir():
            file.unlink()
        folder.rmdir()
