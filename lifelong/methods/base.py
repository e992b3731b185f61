"""What the code of a method that shares layers consists of; the rest is its row in the table."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from lifelong.layers.learner import LayerLearner, LayerStart
from lifelong.layers.model import LayerModel, TaskView
from lifelong.layers.part import LayerCard


def as_configured(card: LayerCard) -> Sequence[str]:
    """The pattern of the configuration, and no other."""
    return [card.pattern]


@dataclass(frozen=True)
class LayerMethod:
    """A method of the layer family: how it learns a task, and how a learned task is used.

    `view` takes a model, a position from 1 and a device. `tries`: the patterns that are trained one
    after another, each from the same model; the best on the deciding split is taken.
    """

    learner: Callable[[LayerStart], LayerLearner]
    view: Callable[[LayerModel, int, str], TaskView]
    tries: Callable[[LayerCard], Sequence[str]] = as_configured
