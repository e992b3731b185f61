"""Release weights of a task, rung by rung."""

from lifelong.families import family_of
from lifelong.plan.stage import Stage


def run(stage: Stage) -> None:
    """See `prune` of the method's family."""
    family_of(stage.spec.base).prune(stage)
