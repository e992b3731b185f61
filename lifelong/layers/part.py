"""What one task brought to a model of the layer family.

A tensor's name says whose it is: `shared.…` belongs to all tasks and may be written again by later
ones, `t003.…` to the third task. The newest task that wrote a name decides its value; a method
that isolates tasks writes each name once.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from lifelong.plan.card import Card, card_from, written_card
from lifelong.plan.errors import Misfit
from lifelong.plan.networks import stack_of
from lifelong.plan.stacks import Stack

Arrays = dict[str, np.ndarray]
_KIND = "layers"  # of file


def own_prefix(position: int) -> str:
    """What the names of a task's own tensors begin with."""
    return f"t{position:03d}."


@dataclass(frozen=True, kw_only=True)
class LayerCard(Card):
    """The card of a task that shares layers; these networks do not widen as a whole.

    `pattern` has one letter per layer: S shared, - its own. `facts` is what else its method must
    know.
    """

    pattern: str
    options: Mapping[str, Any] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def stack(self) -> Stack:
        return stack_of(self.network).scaled(self.channels)

    @property
    def own(self) -> str:
        return own_prefix(self.position)


@dataclass(frozen=True)
class LayerPart:
    """A task of the model: its card and the tensors it wrote, float32; uint8 where only bits."""

    card: LayerCard
    tensors: Arrays


def to_arrays(part: LayerPart) -> tuple[Arrays, dict[str, Any]]:
    """As `store.write_arrays` takes it."""
    return dict(part.tensors), {"kind": _KIND, "card": written_card(part.card)}


def part_from(arrays: Mapping[str, np.ndarray], attrs: Mapping[str, Any]) -> LayerPart:
    """The part that `to_arrays` laid out. Raises Misfit for anything else."""
    if attrs.get("kind") != _KIND:
        raise Misfit("is no task of a model that shares layers")
    # HDF5 gives a single number as a scalar
    return LayerPart(
        card_from(LayerCard, attrs["card"]), {name: np.asarray(arrays[name]) for name in arrays}
    )
