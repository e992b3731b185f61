"""Facts that decide what runs next, read from files that somebody may have changed."""

import math
from collections.abc import Mapping
from typing import Any

from lifelong.plan.errors import DamagedFile


def number(facts: Mapping[str, Any], name: str, path: object) -> float:
    """A finite number of a JSON file. Raises DamagedFile naming the file."""
    value = facts.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise DamagedFile(str(path), f"is damaged (no number {name!r})")
    return float(value)


def outcome(manifest: Mapping[str, Any], path: object) -> dict[str, float]:
    """What an attempt to learn a task reached. Raises DamagedFile naming the manifest."""
    results = manifest.get("outcome")
    if not isinstance(results, Mapping):
        raise DamagedFile(str(path), "is damaged (no outcome)")
    return {name: number(results, name, path) for name in ("accuracy", "train_accuracy", "width")}


def accuracies(manifest: Mapping[str, Any], path: object) -> list[float]:
    """What each of a task's separate networks reaches as it was kept. Raises DamagedFile."""
    values = (manifest.get("outcome") or {}).get("accuracies")
    if not isinstance(values, list) or not values:
        raise DamagedFile(str(path), "says nothing of accuracies")
    return [number({"accuracy": value}, "accuracy", path) for value in values]


def patterns(manifest: Mapping[str, Any], path: object) -> list[tuple[str, float]]:
    """The patterns that a trained task may take and how good each is. Raises DamagedFile."""
    pairs = (manifest.get("outcome") or {}).get("patterns")
    if not isinstance(pairs, list) or not pairs:
        raise DamagedFile(str(path), "says nothing of patterns")
    return [(str(pattern), number({"score": score}, "score", path)) for pattern, score in pairs]
