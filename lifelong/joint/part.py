"""What one lesson brought to a model: a trunk, and the heads and cards of its tasks."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from lifelong.plan.card import Card, card_from, written_card
from lifelong.plan.errors import Misfit

Arrays = dict[str, np.ndarray]
_KIND = "lesson"  # of file
TRUNK = "trunk."


def head_prefix(place: int) -> str:
    """What the names of a task's own tensors begin with; `place` counts its lesson from 0."""
    return f"head{place:03d}."


@dataclass(frozen=True)
class Lesson:
    """Tasks that were learned together: their cards in order, and all tensors of their network."""

    cards: tuple[Card, ...]
    tensors: Arrays

    def of_task(self, place: int) -> Arrays:
        """The tensors of one task's network, as that names them."""
        own = head_prefix(place)
        names = {TRUNK: "body.", own: "head."}
        return {
            f"{theirs}{name.removeprefix(ours)}": array
            for ours, theirs in names.items()
            for name, array in self.tensors.items()
            if name.startswith(ours)
        }


def to_arrays(lesson: Lesson) -> tuple[Arrays, dict[str, Any]]:
    """As `store.write_arrays` takes it; the file speaks for the lesson's last task."""
    cards = [written_card(card) for card in lesson.cards]
    return dict(lesson.tensors), {"kind": _KIND, "card": cards[-1], "cards": cards}


def lesson_from(arrays: Mapping[str, np.ndarray], attrs: Mapping[str, Any]) -> Lesson:
    """The lesson that `to_arrays` laid out. Raises Misfit for anything else."""
    if attrs.get("kind") != _KIND:
        raise Misfit("is no lesson of tasks that were learned together")
    cards = tuple(card_from(Card, card) for card in attrs["cards"])
    # HDF5 gives a single number as a scalar
    return Lesson(cards, {name: np.asarray(array) for name, array in arrays.items()})
