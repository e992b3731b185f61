"""Numbers measured after an epoch, and what each of them is about, on their way to the record.

The training loop keeps them with its epochs, also in JSON inside resume files, where keys are text:
`with_texts` and `with_looks` translate, and nothing else reads that text.
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
        """Everything but the metric, by the names of the record's columns."""
        return {name: value for name, value in asdict(self).items() if name != "metric"}


def with_texts(numbers: Mapping[Look, float]) -> dict[str, float]:
    """The same numbers with text as keys, which `with_looks` reads back."""
    return {json.dumps(astuple(look)): value for look, value in numbers.items()}


def with_looks(numbers: Mapping[str, float]) -> dict[Look, float]:
    """The inverse of `with_texts`."""
    return {Look(*json.loads(text)): value for text, value in numbers.items()}


def of_facts(facts: Mapping[Fact, float]) -> dict[Look, float]:
    """What a method reported about itself, as looks."""
    return {
        Look(fact.metric, layer=fact.layer, pattern=fact.pattern): value
        for fact, value in facts.items()
    }


def as_facts(numbers: Mapping[Look, float]) -> dict[Fact, float]:
    """The inverse of `of_facts`: the numbers that belong to no split or task."""
    return {
        Fact(look.metric, look.layer, look.pattern): value
        for look, value in numbers.items()
        if look.split is None
    }
