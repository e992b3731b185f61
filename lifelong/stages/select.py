"""Choose a task's pruning ratio, or which layers it shares, from its record. Local, no torch."""

from lifelong.families import family_of
from lifelong.plan.stage import Stage


def run(stage: Stage) -> None:
    """See `choose` of the method's family."""
    family_of(stage.spec.base).choose(stage)
