"""What the stages of a lesson have in common: its tasks' images, cards, losses and a learner."""

from collections.abc import Iterable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import torch

from lifelong import store
from lifelong.data.batches import TaskData
from lifelong.data.lessons import lesson_data
from lifelong.joint.extras import Centres, Dropout, Extras
from lifelong.joint.learner import LessonLearner
from lifelong.joint.weighting import Start, Weighting
from lifelong.nets.build import parts_of
from lifelong.optim.chosen import optimiser_of
from lifelong.optim.phase import Phase
from lifelong.plan.card import Card
from lifelong.plan.code import load
from lifelong.plan.losses import head_for
from lifelong.plan.methods import METHODS
from lifelong.plan.seeds import seed_of
from lifelong.plan.stage import Stage
from lifelong.records.rows import Row
from lifelong.train.balance import Balance
from lifelong.train.lesson_step import LessonStep
from lifelong.train.loop import Epoch
from lifelong.work.cards import sights
from lifelong.work.losses import task_loss
from lifelong.work.shards import lineage, read_lessons
from lifelong.work.work import Work, load_task

_OF_TASK = ("loss", "weight")  # numbers of each task after an epoch, as `Epoch.more` names them


class LessonWork(Work):
    """A stage that trains or commits a lesson."""

    def __init__(self, stage: Stage) -> None:
        super().__init__(stage)
        others = [load_task(stage, data, self.device) for data in self.spec.others]
        self.tasks = (*others, self.data)
        self.names = list(self.spec.lesson)
        own = [seed_of(self.spec.seed, name) for name in self.names]
        self.seeds = [seed_of(one, "start", 0) for one in own]
        self.lesson = lesson_data(self.tasks, [seed_of(one, "batches", "learn", 0) for one in own])
        self.training = self.spec.settings or {}  # nothing where a lesson is only committed
        self.shards = lineage(stage.input_list("shards"))
        self.model = read_lessons(self.shards, self.spec)

    def cards(self) -> list[Card]:
        """One per task of the lesson, in order."""
        spec, before = self.spec, tuple(store.verified(path) for path in self.shards)
        first = spec.position - len(self.names) + 1
        about = zip(self.names, self.tasks, [*spec.others, spec.data], spec.losses, strict=True)
        return [
            self._card(first + place, *facts, lineage=before) for place, facts in enumerate(about)
        ]

    def _card(
        self,
        position: int,
        task: str,
        data: TaskData,
        images: dict[str, Any],
        loss: dict[str, Any],
        lineage: tuple[str, ...],
    ) -> Card:
        spec = self.spec
        return Card(
            **{name: getattr(spec, name) for name in ("experiment", "method", "base", "seed")},
            position=position,
            task=task,
            lineage=lineage,
            head=head_for(loss),
            **sights(spec.network, images, data),
        )

    def learner(self) -> LessonLearner:
        """A learner of the lesson; its trunk goes on from that of the lesson before it."""
        before = self.model.lessons[-1] if self.model.lessons else None
        learner = LessonLearner(self.cards(), self.seeds, self.device, before)
        if self.training.get("copy_branches"):
            learner.copy_branches()
        if held := self._places("held_norms"):
            learner.network.hold_norms(held)
        return learner

    def phase(self) -> Phase:
        return Phase.of(self.spec.settings, self.spec.recipe)

    def step(self, learner: LessonLearner, phase: Phase) -> LessonStep:
        """The step of the lesson, with fresh optimisers and a fresh weighting."""
        spec = self.spec
        losses = [
            task_loss(name, loss, data, self.device)
            for name, loss, data in zip(self.names, spec.losses, self.tasks, strict=True)
        ]
        as_they_are = replace(phase, crop_padding=0, flip=False, resized_crop=None, cutout=0)
        batches = self.lesson.batches(as_they_are, 0, learner.network.form)  # only to be counted
        balance = Balance(self.names, phase.epochs * len(batches), self.device)
        clip, weighting = spec.settings["clip"], self.weighting(learner, phase)
        extras, sets = self.extras(learner), self.lesson.sets
        return LessonStep(learner, phase, losses, weighting, sets, balance, clip, extras)

    def extras(self, learner: LessonLearner) -> Extras:
        """Dropout and centres of the tasks that have any."""
        shares, factors = self.training.get("dropout", {}), self.training.get("centres", {})
        dropouts = {
            place: Dropout(shares[self.names[place]], self.seed("dropout", self.names[place]))
            for place in self._places("dropout")
        }
        _, sizes = self._sizes(learner)
        keep = self.training.get("centre_keep", 0.0)
        centres = {}
        for place in self._places("centres"):
            classes, factor = len(self.tasks[place].classes), factors[self.names[place]]
            centres[place] = Centres(classes, sizes[place], factor, keep, self.device)
        return Extras(dropouts, centres)

    def _places(self, key: str) -> list[int]:
        """The places in the lesson of the tasks that a key of `joint` names."""
        named = self.training.get(key, ())
        return [place for place, name in enumerate(self.names) if name in named]

    def weighting(self, learner: LessonLearner, phase: Phase) -> Weighting:
        """The method's part: what weighs the tasks' losses."""
        spec = self.spec
        like_the_network = partial(optimiser_of, phase=phase, decay=0.0)
        start = Start(
            tasks=tuple(self.names),
            classes=tuple(len(data.classes) for data in self.tasks),
            features=self._sizes(learner)[0],
            options=spec.weighting,
            seed=self.seed("weighting"),
            device=self.device,
            optimiser=None if phase.optimiser != "rmsprop" else like_the_network,
        )
        made: Weighting = load(METHODS[spec.base].code)(start)
        return made

    @torch.no_grad()
    def _sizes(self, learner: LessonLearner) -> tuple[int, list[int]]:
        """How many numbers the trunk and each task's embedding make of an image, by asking them."""
        network, card = learner.network, learner.cards[0]
        side = card.crop or card.image_size
        network.eval()
        found = network(torch.zeros(1, card.in_channels, side, side, device=self.device))
        embeddings = [parts_of(head)[0](found) for head in network.heads]
        network.train()
        return int(found.flatten(1).shape[1]), [one.shape[1] for one in embeddings]

    def after_epoch(self, step: LessonStep) -> dict[str, float]:
        """Each task's mean loss and weight, by the names that `task_rows` reads."""
        means = step.balance.means_of_epoch().tolist()
        return {
            f"{metric} {place}": value
            for metric, values in zip(_OF_TASK, means, strict=True)
            for place, value in enumerate(values)
        }

    def task_rows(self, epochs: Iterable[Epoch]) -> list[Row]:
        """Rows of every epoch and task: loss and weight, and the accuracy that decides."""
        rows = []
        for epoch in epochs:
            at = {"epoch": epoch.epoch, "width": 1.0}
            for place, name in enumerate(self.names):
                for metric in _OF_TASK:
                    value, where = epoch.more[f"{metric} {place}"], {"split": "train", **at}
                    rows.append(self.row(f"task_{metric}", value, on_task=name, **where))
                accuracy = epoch.each[place] if epoch.each else epoch.accuracy
                split = self.tasks[place].deciding_name
                rows.append(self.row("task_accuracy", accuracy, on_task=name, split=split, **at))
        return rows

    def size_rows(self, learner: LessonLearner, path: Path) -> list[Row]:
        """What each task brought, and what a separate network would hold.

        The trunk and the file are counted with the last task.
        """
        network = learner.network
        weights = sum(one.numel() for one in network.weights())
        trunk = sum(one.numel() for name, one in network.tensors().items() if "trunk." in name)
        rows = []
        for place, name in enumerate(self.names):
            head = sum(one.numel() for one in network.heads[place].state_dict().values())
            last = place == len(self.names) - 1
            other = head + (trunk - weights if last else 0)
            sizes = {
                "weights_owned": weights if last else 0,
                "weights_other": other,
                "weights_reference": weights,
                "bytes_file": path.stat().st_size if last else 0,
                "bytes_values": 4 * weights if last else 0,
                "bytes_dense": 4 * other,
                "bytes_reference": 4 * (trunk + head),
            }
            made = [self.row(metric, value, width=1.0) for metric, value in sizes.items()]
            rows += [replace(row, task=name) for row in made]
        return rows
