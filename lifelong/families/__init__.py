"""The families of methods: how each learns, prunes, chooses, commits and is read back.

`FAMILIES` is the one place that tells them apart; what it names is imported when it is needed,
because choosing needs no torch.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from lifelong.plan.code import load
from lifelong.plan.methods import METHODS
from lifelong.plan.stage import Stage


@dataclass(frozen=True)
class Family:
    """`code`: the module with `learn`, `prune` and `commit`; `choice`: what chooses.

    `reader`: what reads a model; it lies where no code that trains is imported. `embeds`: its
    networks give embeddings to compare faces by.
    """

    code: str
    reader: str
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

    def read(self, paths: Sequence[Any], expected: Any = None, views: bool = True) -> Any:
        """A model of the tasks in these files, or pieces of a packed one.

        It has `shards`, their cards, and `view(position, device)`.
        `expected`: the spec of a stage of the run that they must belong to. Without `views` it is
        only for learning on. Raises DamagedFile where they do not fit together.
        """
        return load(self.reader)(paths, expected, views)


_MASKS = "lifelong.work.shards:read_model"
FAMILIES = {
    "separate": Family("lifelong.families.separate", _MASKS),
    "masks": Family("lifelong.families.masks", _MASKS, "lifelong.families.choice:choose_ratio"),
    "layers": Family(
        "lifelong.families.layers",
        "lifelong.work.shards:read_layer_model",
        "lifelong.families.choice:choose_pattern",
        embeds=False,
    ),
    "joint": Family("lifelong.families.joint", "lifelong.work.shards:read_lessons"),
}


def family_of(base: str) -> Family:
    """The family of a method."""
    return FAMILIES[METHODS[base].family]
