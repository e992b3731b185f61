"""Methods that share whole layers: a task is learned, and its pattern decided afterwards."""

from collections.abc import Sequence
from pathlib import Path

from lifelong.families.layer_commit import run as commit
from lifelong.families.layer_learn import run as learn
from lifelong.layers.model import LayerModel
from lifelong.methods import layer_method
from lifelong.plan.specs import TaskSpec
from lifelong.work.shards import base_of, read_layers

__all__ = ["commit", "learn", "read"]


def read(paths: Sequence[Path], expected: TaskSpec | None = None, views: bool = True) -> LayerModel:
    """The model of all tasks, checked as `read_layers` does."""
    return read_layers(paths, layer_method(base_of(paths[0])), expected)
