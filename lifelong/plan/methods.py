"""Which stages a method runs, and how its settings differ from the common recipe (all of CPG's).

The rest of a method, what its stages do with weights, is in lifelong/methods.
"""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Shape:
    """What a method looks like as a DAG."""

    stages: tuple[str, ...]  # of one task, in order, without goals and expand
    has_goal: bool = False  # decisions compare with an accuracy goal
    expands: bool = False  # widens where the goal was missed

    @property
    def shares(self) -> bool:
        """One network for all tasks, rather than one a task."""
        return "train" in self.stages

    @property
    def last(self) -> str:
        """The stage that writes the task's shard."""
        return "retrain" if self.shares else "baseline"


_MASKED = ("train", "prune", "select", "retrain", "infer")

SHAPES: dict[str, Shape] = {
    "scratch": Shape(("baseline", "infer")),
    "finetune": Shape(("baseline", "infer")),
    "packnet": Shape(_MASKED),
    "pae": Shape(_MASKED, has_goal=True, expands=True),
    "cpg": Shape(_MASKED, has_goal=True, expands=True),
}

METHOD_DEFAULTS: dict[str, dict[str, Any]] = {
    "packnet": {
        "train": {"min_train_accuracy": 0.0},
        "prune": {
            "schedule": "one_shot",
            "ratios": [0.6],
            "epochs": 0,
            "min_train_accuracy": 0.0,
        },
        "retrain": {"milestones": [25], "patience": 0},
    },
    "pae": {"retrain": {"epochs": 0}},
}
