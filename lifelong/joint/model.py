"""A model of lessons: its tasks in order, each with the trunk of its lesson and its own head."""

from dataclasses import dataclass

import torch

from lifelong.joint.network import network_of
from lifelong.joint.part import Lesson
from lifelong.nets import TaskNetwork, placed
from lifelong.plan.card import Card


@dataclass(frozen=True)
class Learned:
    """A task of the model; `place` counts its lesson from 0."""

    card: Card
    lesson: Lesson
    place: int


class LessonModel:
    """All tasks learned so far; what a lesson brought, no later one changes."""

    def __init__(self) -> None:
        self.shards: list[Learned] = []
        self.lessons: list[Lesson] = []

    def add(self, lesson: Lesson) -> None:
        """Append the tasks of a lesson."""
        self.lessons.append(lesson)
        self.shards += [Learned(card, lesson, place) for place, card in enumerate(lesson.cards)]

    def bare(self, position: int) -> bool:
        """Whether a task has nothing but a head on pretrained weights: never here."""
        return False

    @torch.no_grad()
    def view(self, position: int, device: str = "cpu") -> TaskNetwork:
        """The network of the task at a position, counted from 1."""
        learned = self.shards[position - 1]
        network = network_of(learned.card, seed=0)
        arrays = learned.lesson.of_task(learned.place)
        network.load_state_dict(
            {name: torch.from_numpy(array) for name, array in arrays.items()}, strict=False
        )
        return placed(network, device).eval()
