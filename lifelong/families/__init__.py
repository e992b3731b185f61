"""The families of methods: how each learns, prunes, chooses, commits and is read back.

`FAMILIES` is the one place that tells them apart; what it names is imported when it is needed,
because choosing needs no torch.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lifelong.plan.code import load
from lifelong.plan.methods import METHODS
from lifelong.plan.stage import Stage


@dataclass(frozen=True)
class Family:
    """`code`: the module with `learn`, `prune`, `commit` and `read`; `choice`: what chooses.

    `embeds`: its networks give embeddings to compare faces by.
    """

    code: str
    choice: str = ""
    embeds: bool = True

    def learn(self, stage: Stage) -> None:
        """Learn a task; writes its candidate, or its shard where nothing follows."""
        load(f"{self.code}:learn")(stage)

    def prune(self, stage: Stage) -> None:
        """Release weights of the candidate, rung by rung."""
        load(f"{self.code}:prune")(stage)

    def choose(self, stage: Stage) -> None:
        """Choose what the task keeps, from its record. Needs no torch."""
        load(self.choice)(stage)

    def commit(self, stage: Stage) -> None:
        """Write the task's shard."""
        load(f"{self.code}:commit")(stage)

    def read(self, paths: Sequence[Path], expected: Any = None, views: bool = True) -> Any:
        """A model of the tasks in these files: `shards`, their cards, and `view(position, device)`.

        `expected`: the spec of a stage of the run that they must belong to. Without `views` it is
        only for learning on. Raises DamagedFile where they do not fit together.
        """
        return load(f"{self.code}:read")(paths, expected, views)


FAMILIES = {
    "separate": Family("lifelong.families.separate"),
    "masks": Family("lifelong.families.masks", "lifelong.families.choice:choose_ratio"),
    "layers": Family(
        "lifelong.families.layers", "lifelong.families.choice:choose_pattern", embeds=False
    ),
    "joint": Family("lifelong.families.joint"),
}


def family_of(base: str) -> Family:
    """The family of a method."""
    return FAMILIES[METHODS[base].family]
