"""What was selected, trained once more where that is better, becomes the task's shard."""

from lifelong.families import family_of
from lifelong.plan.stage import Stage


def run(stage: Stage) -> None:
    """See `commit` of the method's family."""
    family_of(stage.spec.base).commit(stage)
