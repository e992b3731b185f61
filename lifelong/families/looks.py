"""Numbers measured after an epoch, with what each is about, on their way into the record.

The loop keeps them with its epochs, in resume files too, so that they have texts as keys there.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, astuple, dataclass
from typing import Any

from lifelong.layers.learner import Fact


@dataclass(frozen=True)
class Look:
    """What a number is about: a metric, perhaps of a split of a task, of a layer or a pattern."""

    metric: str
    split: str | None = None
    on_task: str | None = None
    layer: int | None = None
    pattern: str | None = None

    def where(self) -> dict[str, Any]:
        """All but the metric, as the columns of a record have it."""
        return {name: value for name, value in asdict(self).items() if name != "metric"}


def with_texts(numbers: Mapping[Look, float]) -> dict[str, float]:
    """The numbers under texts that `with_looks` understands."""
    return {json.dumps(astuple(look)): value for look, value in numbers.items()}


def with_looks(numbers: Mapping[str, float]) -> dict[Look, float]:
    """The numbers that `with_texts` was given."""
    return {Look(*json.loads(text)): value for text, value in numbers.items()}


def of_facts(facts: Mapping[Fact, float]) -> dict[Look, float]:
    """What a method says of itself."""
    return {
        Look(fact.metric, layer=fact.layer, pattern=fact.pattern): value
        for fact, value in facts.items()
    }


def as_facts(numbers: Mapping[Look, float]) -> dict[Fact, float]:
    """The numbers that are of no split or task: what a method said of itself."""
    return {
        Fact(look.metric, look.layer, look.pattern): value
        for look, value in numbers.items()
        if look.split is None
    }
