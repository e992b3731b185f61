"""One paper, one file, its code in it. Which methods there are says `plan/methods.py`."""

from typing import cast

from lifelong.methods.base import LayerMethod
from lifelong.plan.code import load
from lifelong.plan.methods import METHODS

__all__ = ["LayerMethod", "layer_method"]


def layer_method(name: str) -> LayerMethod:
    """The code of a method that shares layers, imported when it is first asked for."""
    return cast(LayerMethod, load(METHODS[name].code))
