"""Code by name: what rows of the tables point to, imported only when it is needed."""

import importlib
from typing import Any


def load(name: str) -> Any:
    """The object that "package.module:object" names."""
    module, _, attribute = name.partition(":")
    return getattr(importlib.import_module(module), attribute)
