"""Several tasks at once: batches of all of them in every step, however many images each has.

An epoch is as many steps as the task with most batches needs to show all its images once. A step
has a batch of every task; tasks with fewer batches begin again, in a new order, as often as it
takes. Tasks that have the very same training images share their batches: one image, several labels.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from lifelong.data.batches import Drawing, TaskData, TrainBatches
from lifelong.data.device_split import Batch, Split, same_images

LessonBatch = tuple[list[Tensor], list[Tensor]]  # images of each set; labels of each task


@dataclass(frozen=True)
class LessonData:
    """The tasks of a lesson; `seeds` are of their batches. `sets` says whose images each task has.

    Tasks of one set have the same training images, seen in the same order.
    """

    tasks: tuple[TaskData, ...]
    seeds: tuple[int, ...]
    sets: tuple[int, ...]

    @property
    def deciding_name(self) -> str:
        return self.tasks[0].deciding_name

    def batches(
        self, how: Drawing, seed: int, memory_format: torch.memory_format
    ) -> "LessonBatches":
        """So many images of every set in each step; the tasks' own seeds draw them."""
        each = [
            task.batches(how, own, memory_format)
            for task, own in zip(self.tasks, self.seeds, strict=True)
        ]
        return LessonBatches(each, self.sets, how.batch_size)

    def parts(self, network: Any) -> list[tuple[Any, TaskData]]:
        """The networks of the tasks, and the task of each."""
        return list(zip(network.tasks, self.tasks, strict=True))


def lesson_data(tasks: Sequence[TaskData], seeds: Sequence[int]) -> LessonData:
    """The data of a lesson; tasks with the same training images take the first one's seed."""
    sets: list[int] = []
    firsts: list[int] = []
    for place, task in enumerate(tasks):
        same = [one for one, first in enumerate(firsts) if _same(tasks[first], task)]
        if not same:
            firsts.append(place)
        sets.append(same[0] if same else len(firsts) - 1)
    shared = [seeds[firsts[one]] for one in sets]
    return LessonData(tuple(tasks), tuple(shared), tuple(sets))


def _same(one: TaskData, other: TaskData) -> bool:
    seen, crops = (one.train, other.train), (one.crop, other.crop)
    alike = [_sight(split, task) for split, task in zip(seen, (one, other), strict=True)]
    return alike[0] == alike[1] and crops[0] == crops[1] and same_images(*seen)


def _sight(split: Split, task: TaskData) -> tuple[object, ...]:
    """How the images of a split are normalised."""
    return (split.mean or task.mean, split.std or task.std)


class LessonBatches:
    """Batches that depend only on (seeds, epoch, step)."""

    def __init__(self, each: Sequence[TrainBatches], sets: Sequence[int], batch_size: int) -> None:
        self._each, self._sets, self._batch_size = each, sets, batch_size
        self._firsts = [list(sets).index(one) for one in range(max(sets) + 1)]

    def __len__(self) -> int:
        """Steps per epoch."""
        return max(map(len, self._each))

    def seen(self, epoch: int) -> int:
        """Images that an epoch, from 0, shows, counted once for every task that learns from them.

        A task with fewer batches than others is in the middle of a round when an epoch ends, so
        that epochs differ.
        """
        first, end = epoch * len(self), (epoch + 1) * len(self)
        return sum(self._until(end, each) - self._until(first, each) for each in self._each)

    def _until(self, step: int, batches: TrainBatches) -> int:
        """Images that a task shows before a step that counts over all epochs."""
        rounds, rest = divmod(step, len(batches))
        return rounds * batches.seen() + min(rest * self._batch_size, batches.seen())

    def epoch(self, number: int, start: int = 0) -> Iterator[LessonBatch]:
        """Steps `start`, `start` + 1, ... of an epoch: images of each set, labels of each task."""
        streams = [_endless(batches, number * len(self) + start) for batches in self._each]
        for _ in range(start, len(self)):
            drawn = [next(stream) for stream in streams]
            yield [drawn[first][0] for first in self._firsts], [labels for _, labels in drawn]


def _endless(batches: TrainBatches, step: int) -> Iterator[Batch]:
    """A task's batches from a step on that counts over all its epochs."""
    epoch, start = divmod(step, len(batches))
    while True:
        yield from batches.epoch(epoch, start)
        epoch, start = epoch + 1, 0
