"""Which stages a method runs, and how its settings differ from the common recipe (all of CPG's).

The rest of a method, what its stages do with weights, is in lifelong/methods.
"""

from dataclasses import dataclass
from typing import Any

MOST_TASKS = 254  # of one model: an owner is one byte, 0 is nobody and 255 is kept back


@dataclass(frozen=True)
class Shape:
    """What a method looks like as a DAG."""

    stages: tuple[str, ...]  # of one task, in order, without goals and expand
    has_goal: bool = False  # decisions compare with an accuracy goal
    expands: bool = False  # widens where the goal was missed
    alone: bool = False  # a network a task, rather than one for all
    layered: bool = False  # shares whole layers, not single weights

    @property
    def shares(self) -> bool:
        """One network for all tasks, rather than one a task."""
        return not self.alone

    @property
    def last(self) -> str:
        """The stage that writes the task's shard."""
        return "retrain" if "retrain" in self.stages else "baseline"


_SEPARATE = ("baseline", "infer")
_MASKED = ("train", "prune", "select", "retrain", "infer")
_LAYERED = ("train", "select", "retrain", "infer")

SHAPES: dict[str, Shape] = {
    "scratch": Shape(_SEPARATE, alone=True),
    "finetune": Shape(_SEPARATE, alone=True),
    "packnet": Shape(_MASKED),
    "pae": Shape(_MASKED, has_goal=True, expands=True),
    "cpg": Shape(_MASKED, has_goal=True, expands=True),
    "stl": Shape(_LAYERED, layered=True, alone=True),
    "snn": Shape(_LAYERED, layered=True),
    "hps": Shape(_LAYERED, layered=True),
    "tf": Shape(_LAYERED, layered=True),
    "dfcnn": Shape(_LAYERED, layered=True),
    "lasem_hps": Shape(_LAYERED, layered=True),
    "lasem_tf": Shape(_LAYERED, layered=True),
    "lasem_dfcnn": Shape(_LAYERED, layered=True),
    "brute_hps": Shape(_LAYERED, layered=True),
    "brute_tf": Shape(_LAYERED, layered=True),
    "brute_dfcnn": Shape(_LAYERED, layered=True),
    "progressive": Shape(_LAYERED, layered=True),
    "den": Shape(_LAYERED, layered=True),
    "darts_hps": Shape(_LAYERED, layered=True),
    "darts_dfcnn": Shape(_LAYERED, layered=True),
    "apd": Shape(_LAYERED, layered=True),
    "apd_repo": Shape(_LAYERED, layered=True),
    "gated": Shape(_LAYERED, layered=True),
    "gated_repo": Shape(_LAYERED, layered=True),
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
        "retrain": {"milestones": [25], "keep": "last"},
    },
    "pae": {"retrain": {"epochs": 0}},
    "apd": {"layers": {"lr": 1e-3}},
}
