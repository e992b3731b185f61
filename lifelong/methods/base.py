"""What a method is, beside its stages (plan/methods.py) and its settings."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from lifelong.layers.learner import LayerLearner, Start
from lifelong.layers.model import LayerModel, TaskView
from lifelong.layers.part import LayerCard


def as_configured(card: LayerCard) -> Sequence[str]:
    """The pattern of the configuration, and no other."""
    return [card.pattern]


@dataclass(frozen=True)
class Method:
    """A method of the mask family: settings of the one engine.

    `alone`: every task gets a network of its own. `picks`: old weights are used through a learned
    binary mask; otherwise all of them are used as they are.
    """

    name: str
    alone: bool = False
    picks: bool = False


@dataclass(frozen=True)
class LayerMethod:
    """A method of the layer family: how it learns a task, and how a learned task is used.

    `view` takes a model, a position from 1 and a device. `alone`: every task gets a network of its
    own. `isolates`: learning a task never changes an older one. `tries`: the patterns that are
    trained one after another, each from the same model; the best on the deciding split is taken.
    """

    name: str
    learner: Callable[[Start], LayerLearner]
    view: Callable[[LayerModel, int, str], TaskView]
    alone: bool = False
    isolates: bool = False
    tries: Callable[[LayerCard], Sequence[str]] = as_configured
