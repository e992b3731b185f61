"""A configuration with one key changed."""

import copy
from typing import Any


def with_key(config: dict[str, Any], *path_and_value: Any) -> dict[str, Any]:
    """A copy in which the key at a path of names and places in lists has a value.

    Sections on the way that are not there are made.
    """
    config = copy.deepcopy(config)
    *parents, last, value = path_and_value
    part: Any = config
    for name in parents:
        part = part[name] if isinstance(part, list) else part.setdefault(name, {})
    part[last] = value
    return config


def dotted(path: str) -> list[str | int]:
    """The names and places in lists that a path with dots stands for."""
    return [int(part) if part.isdecimal() else part for part in path.split(".")]
