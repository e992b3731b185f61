"""What stages have in common: images, a learner, rows, and the commit at the end."""

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
from lifelong.masks.learner import Learner
from lifelong.masks.shard import Card, Part, Shard
from lifelong.masks.size import separate_network, shard_size
from lifelong.methods import METHODS
from lifelong.nets.build import check_image_size
from lifelong.plan.losses import head_for
from lifelong.plan.seeds import seed_of
from lifelong.plan.stage import Stage, canonical
from lifelong.records.rows import Row, to_csv
from lifelong.train.device import prepare
from lifelong.train.loop import Epoch
from lifelong.train.losses import Loss, loss_of
from lifelong.work.resume import ResumeFile
from lifelong.work.seal import input_digests, seal
from lifelong.work.shards import read_model

log = logging.getLogger(__name__)


def load_task(stage: Stage, data: Mapping[str, Any], pack: str, device: str) -> TaskData:
    """One task's images on the device, split as the protocol says."""
    store.verified(Path(pack))
    return task_data(
        load_arrays(Path(pack), data),
        stage.spec["protocol"],
        data.get("mean"),
        data.get("std"),
        device=device,
        crop=data.get("crop", 0),
        own_split=data.get("normalise") == "own_split",
    )


class Work:
    """A stage that trains, of whatever family: device, images, seeds, resume state and rows."""

    def __init__(self, stage: Stage) -> None:
        self.stage, self.spec = stage, stage.spec
        self.device = prepare(stage.threads)
        self.data = load_task(stage, self.spec["data"], stage.input("pack"), self.device)
        side = self.data.crop or self.data.train.images.shape[-1]
        check_image_size(self.spec["network"]["name"], side)
        log.info(
            "%s of %s: %d training and %d %s images, %d classes, on %s",
            stage.kind,
            self.spec["task"],
            len(self.data.train.labels),
            len(self.data.deciding.labels),
            self.data.deciding_name,
            len(self.data.classes),
            self.device,
        )

    def seed(self, *names: str | float) -> int:
        """The seed of one part that random numbers play in learning the task."""
        return seed_of(self.spec["random_seed"], *names)

    def resume(self, *names: str | float) -> ResumeFile:
        """The resume state of one part of the stage, beside its folder."""
        part = "-".join(map(str, names))
        path = resume_folder(self.stage) / f"{part}.h5"
        inputs = input_digests(self.stage)
        key = canonical({"spec": self.spec, "part": list(names), "inputs": inputs})
        digest = hashlib.blake2b(key.encode(), digest_size=16).hexdigest()
        return ResumeFile(path, digest, ends=self.stage.ends)

    def row(self, metric: str, value: float, **where: Any) -> Row:
        return row(self.stage, metric, value, **where)

    def epoch_rows(self, epochs: Iterable[Epoch], **where: Any) -> list[Row]:
        """Three rows an epoch: loss and accuracy of training, accuracy that decides."""
        rows = []
        for epoch in epochs:
            at = {"epoch": epoch.epoch, **where}
            rows.append(self.row("loss", epoch.train_loss, split="train", **at))
            rows.append(self.row("accuracy", epoch.train_accuracy, split="train", **at))
            rows.append(self.row("accuracy", epoch.accuracy, split=self.data.deciding_name, **at))
        return rows


class Job(Work):
    """A stage of the mask family: the model so far, and the card of its task."""

    def __init__(self, stage: Stage) -> None:
        super().__init__(stage)
        self.loss = self._loss()
        self.method = METHODS[self.spec.get("base", self.spec["method"])]
        self.shards = stage.input_list("shards")
        self.model = read_model(self.shards, self.spec, views=False)

    def card(self, width: float) -> Card:
        spec, data = self.spec, self.data
        return Card(
            experiment=spec["experiment"],
            method=spec["method"],
            seed=spec["seed"],
            position=spec["position"],
            task=spec["task"],
            classes=data.classes,
            network=spec["network"]["name"],
            channels=spec["network"]["channels"],
            width=width,
            in_channels=int(data.train.images.shape[1]),
            image_size=int(data.train.images.shape[-1]),
            mean=data.mean,
            std=data.std,
            lineage=tuple(store.verified(Path(path)) for path in self.shards),
            alone=self.method.alone,
            head=head_for(self.spec.get("loss", {})),
            crop=self.data.crop,
            alignment=spec["data"].get("alignment", ""),
            channel_order=tuple(spec["data"].get("channel_order", ())),
            noise=spec["data"].get("noise"),
        )

    def _loss(self) -> Loss:
        """The loss of the task; weights of classes come from its training images, if not given."""
        given, classes = dict(self.spec.get("loss", {})), len(self.data.classes)
        if given.get("kind") == "weighted" and "counts" not in given:
            given["counts"] = torch.bincount(self.data.train.labels, minlength=classes).tolist()
        return loss_of(given, classes, self.device)

    def learner(self, width: float, attempt: int = 0) -> Learner:
        """A learner of this task; every attempt or repetition has a random start of its own."""
        return Learner(self.model, self.card(width), self.seed("start", attempt), self.device)

    def size_rows(self, shard: Shard | Part, counts: Mapping[str, int], path: Path) -> list[Row]:
        """What the task's shard holds and weighs, and what a separate network would."""
        separate = separate_network(shard)
        found: dict[str, float] = {f"weights_{name}": value for name, value in counts.items()}
        found["weights_other"] = sum(array.size for array in shard.dense.values())
        found["weights_reference"] = separate["weights"]
        found |= {f"bytes_{name}": value for name, value in shard_size(shard).items()}
        found |= {"bytes_file": path.stat().st_size, "bytes_reference": separate["bytes"]}
        return [self.row(name, value, width=shard.card.width) for name, value in found.items()]


def row(stage: Stage, metric: str, value: float, **where: Any) -> Row:
    """One row of the record of a stage."""
    spec = stage.spec
    named = {name: spec[name] for name in ("experiment", "protocol", "method", "seed", "task")}
    return Row(**named, stage=stage.kind, metric=metric, value=float(value), **where)


def resume_folder(stage: Stage) -> Path:
    """Undeclared, so that Snakemake leaves it when a job fails."""
    folder = Path(stage.folder)
    return folder.parent / f".resume-{folder.name}"


def commit(
    stage: Stage, files: Mapping[str, str], rows: Iterable[Row], outcome: Mapping[str, Any]
) -> None:
    """Write the record, then the manifest that makes the stage's files count.

    Stages that learn a task from some of its images say from which, in split.csv.
    """
    record = store.write_text(Path(stage.path("record.csv")), to_csv(rows))
    versions = {"torch": torch.__version__, "h5py": h5py.__version__}
    seal(stage, {**files, **_drawn(stage), "record.csv": record}, outcome, versions)
    forget(stage)


def _drawn(stage: Stage) -> dict[str, str]:
    if stage.kind not in ("baseline", "train") or "draw" not in stage.spec["data"]:
        return {}
    text = split_table(Path(stage.input("pack")), stage.spec["data"])
    return {"split.csv": store.write_text(Path(stage.path("split.csv")), text)}


def forget(stage: Stage) -> None:
    """Remove what a stage kept to go on from."""
    folder = resume_folder(stage)
    if folder.is_dir():
        for file in folder.iterdir():
            file.unlink()
        folder.rmdir()
