"""Widen the network for a task that missed its goal, and learn the task again."""

from lifelong.plan.stage import Stage
from lifelong.stages.train import learn


def run(stage: Stage) -> None:
    """Write candidate.h5 of a numbered attempt; attempt n is n steps wider than the task before."""
    learn(stage, attempt=stage.spec["attempt"])
