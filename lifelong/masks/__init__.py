"""Who owns which weight: claim, pick, prune, release, widen, view, and the size of a model."""

from lifelong.masks.learner import Learner
from lifelong.masks.model import Model
from lifelong.masks.ranked import RankedLearner, Ranking, TaskLearner
from lifelong.masks.shard import Part, Shard, without_spares
from lifelong.masks.size import shard_size

__all__ = [
    "Learner",
    "Model",
    "Part",
    "RankedLearner",
    "Ranking",
    "Shard",
    "TaskLearner",
    "shard_size",
    "without_spares",
]
