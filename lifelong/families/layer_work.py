"""What the stages of methods that share layers have in common: images, the model, a learner."""

import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from lifelong import store
from lifelong.data.batches import TaskData
from lifelong.data.device_split import Split, eval_batches
from lifelong.families.looks import Look
from lifelong.layers.learner import LayerLearner, LayerStart, TrainingPart
from lifelong.layers.model import LayerModel, TaskView, Tensors
from lifelong.layers.part import LayerCard, LayerPart, to_arrays
from lifelong.methods import layer_method
from lifelong.optim.phase import Phase
from lifelong.plan.errors import DataError
from lifelong.plan.families.layer_checks import epochs_of
from lifelong.plan.methods import METHODS
from lifelong.plan.stage import Stage
from lifelong.records.rows import Row
from lifelong.train.evaluate import accuracy, logits
from lifelong.work.cards import sights
from lifelong.work.shards import lineage, read_layers
from lifelong.work.work import Work, load_task

log = logging.getLogger(__name__)
_SPLITS: dict[str, Callable[[TaskData], Split]] = {
    "train": lambda data: data.train,
    "validation": lambda data: data.deciding,
    "test": lambda data: data.test,
}


class LayerWork(Work):
    """A stage that trains or commits a task of a method of the layer family."""

    def __init__(self, stage: Stage) -> None:
        super().__init__(stage)
        self.method, self.entry = layer_method(self.spec.base), METHODS[self.spec.base]
        self.shards = lineage(stage.input_list("shards"))
        self.model: LayerModel = read_layers(self.shards, self.method, self.spec)
        self.older = [load_task(stage, data, self.device) for data in self.spec.older]
        self._check_classes()

    def card(self) -> LayerCard:
        spec = self.spec
        return LayerCard(
            **{
                name: getattr(spec, name)
                for name in ("experiment", "method", "base", "seed", "position", "task")
            },
            lineage=tuple(store.verified(Path(path)) for path in self.shards),
            pattern=spec.pattern,
            **sights(spec.network, spec.data, self.data),
            alone=self.entry.alone,
            options=spec.options,
        )

    def tries(self) -> list[str]:
        """The patterns that are trained one after another: usually only the configured one."""
        return list(self.method.tries(self.card()))

    def learner(self, **changes: Any) -> LayerLearner:
        """A learner of this task as it begins; `changes` are to its card."""
        card = replace(self.card(), **changes)
        seed = self.seed("start", 0)
        return self.method.learner(LayerStart(self.model, card, seed, self.device, self.held_out))

    def phase(self, part: TrainingPart, done: int = 0) -> Phase:
        """How a part of the task is trained that begins after `done` of the task's epochs.

        The rate falls with the epochs of all tasks.
        """
        training = self.spec.training
        epochs = training["epochs"]
        before = (self.spec.position - 1) * epochs
        phase = Phase(
            epochs=epochs - done if part.rest else epochs_of(part.share, epochs),
            lr=training["lr"],
            decay=training["decay"],
            epochs_before=before + done,
            batch_size=training["batch_size"],
            crop_padding=0,
            flip=False,
            whole_batches=True,
        )
        return replace(phase, lr=phase.rate(0), decay=0.0) if part.steady else phase

    def held_out(self) -> tuple[Tensor, Tensor]:
        """All images that decide, as the networks take them, and their labels."""
        images, labels = zip(*self._deciding_batches(), strict=True)
        return torch.cat(images), torch.cat(labels)

    def deciding_images(self) -> Iterator[Tensor]:
        """Batches of the images that decide, as the networks take them."""
        for x, _ in self._deciding_batches():
            yield x

    def _deciding_batches(self) -> Iterator[tuple[Tensor, Tensor]]:
        data = self.data
        return eval_batches(data.deciding, data.mean, data.std, memory_format=TaskView.form)

    def looks_at(self, epoch: int, epochs: int) -> bool:
        """Whether this task is measured after an epoch of a phase that ends after `epochs`."""
        return epoch % self.spec.training["eval_every"] == 0 or epoch == epochs

    def measured(self, learner: LayerLearner, epoch: int, epochs: int) -> dict[Look, float]:
        """Accuracies after an epoch of a phase that ends after `epochs`.

        This task is measured every `eval_every` epochs, older ones every `eval_older_every`, and
        all of them after the last. Older tasks that no training step can move are left out.
        """
        older_every = self.spec.training["eval_older_every"]
        numbers: dict[Look, float] = {}
        if self.looks_at(epoch, epochs):
            numbers = self._accuracies(learner.network, self.data, self.spec.task)
        if epoch % older_every == 0 or epoch == epochs:
            for position, data in enumerate(self.older, 1):
                view = learner.older(position)
                if view is not None:
                    numbers |= self._accuracies(view, data, self.model.cards[position - 1].task)
        return numbers

    def _accuracies(self, network: TaskView, data: TaskData, task: str) -> dict[Look, float]:
        """Of one task, on every split that there is."""
        names = [name for name in _SPLITS if name in ("train", "test", self.data.deciding_name)]
        return {Look("accuracy", name, task): _accuracy(network, data, name) for name in names}

    def look_rows(self, numbers: Mapping[Look, float], epoch: int | None = None) -> list[Row]:
        """One row per number, of the widths that these networks have."""
        return [
            self.row(look.metric, value, epoch=epoch, width=1.0, **look.where())
            for look, value in numbers.items()
        ]

    def _check_classes(self) -> None:
        """One head for all tasks takes one number of classes."""
        if not self.entry.one_head or not self.model.shards:
            return
        first, here = len(self.model.cards[0].classes), len(self.data.classes)
        if first != here:
            raise DataError(
                f"task {self.spec.task} has {here} classes and the first task {first}: "
                f"{self.spec.method} has one head for all tasks; give them equally many, or leave "
                "it out of methods"
            )


def _accuracy(network: TaskView, data: TaskData, name: str) -> float:
    split = _SPLITS[name](data)
    return accuracy(logits(network, split, data.mean, data.std), split.labels)


def candidate_prefix(pattern: str) -> str:
    """What the names of a pattern's tensors begin with in a candidate of several patterns."""
    return f"{pattern}:"


def save_part(path: Path, card: LayerCard, tensors: Tensors) -> str:
    """Write a task's part of a model; returns its digest."""
    arrays = {name: tensor.detach().cpu().contiguous().numpy() for name, tensor in tensors.items()}
    return store.write_arrays(path, *to_arrays(LayerPart(card, arrays)))


def tensors_of(part: LayerPart) -> Tensors:
    return {name: torch.from_numpy(array) for name, array in part.tensors.items()}
