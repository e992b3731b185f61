"""What a stage must know: every setting that decides its bytes, and nothing else.

A changed key of the configuration changes the specs of the stages that depend on it, and only these
run again. Specs are written as canonical JSON where they cross a process.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, is_dataclass
from typing import Any

Section = Mapping[str, Any]


def canonical(spec: Any) -> str:
    """A spec as text; equal specs give equal text."""
    return json.dumps(spec, sort_keys=True, separators=(",", ":"), default=plain)


def plain(spec: Any) -> dict[str, Any]:
    """A spec as mappings and lists. Raises TypeError for anything else."""
    if is_dataclass(spec) and not isinstance(spec, type):
        return asdict(spec)
    raise TypeError(f"a spec holds plain values, not {type(spec).__name__}")


@dataclass(frozen=True, kw_only=True)
class TaskSpec:
    """What the stages of one task have in common.

    `revision`: of the stage, of the method, and of centres where there are any. `base` is the
    method, `method` perhaps the name of a variant of it. Positions count from 1.
    """

    revision: Sequence[int]
    kind: str
    experiment: str
    protocol: str
    method: str
    base: str
    seed: int
    position: int
    task: str


@dataclass(frozen=True, kw_only=True)
class GoalSpec(TaskSpec):
    """Where a goal comes from; `goal` where it is given."""

    policy: str
    goal: float | None = None
    margin: float = 0.0


@dataclass(frozen=True, kw_only=True)
class NetworkLearning(TaskSpec):
    """A task learned by weights and masks; `settings` are those of the stage's own section.

    `sources`: for each separate network the position of the task it starts from, 0 for none.
    `stop_at`: the ladder of a task that missed its goal at the width cap ends at the first rung
    which is at least this ratio.
    """

    random_seed: int
    data: Section
    network: Section
    recipe: Section
    settings: Section
    loss: Section
    sources: Sequence[int] = ()
    attempt: int = 0
    expand: Section | None = None
    stop_at: float | None = None


@dataclass(frozen=True, kw_only=True)
class LayerLearning(TaskSpec):
    """A task learned by a method that shares layers; `pattern` is "" where it is to be found.

    `older`: the data of the tasks before it. `training` only where it is trained.
    """

    random_seed: int
    data: Section
    older: Sequence[Section]
    network: Section
    pattern: str
    options: Section
    training: Section | None = None


@dataclass(frozen=True, kw_only=True)
class LessonLearning(TaskSpec):
    """A lesson: tasks that one network learns together; `task` and `position` are the last one's.

    `data` is of the last task, `others` of those before it. `settings` and `weighting` only where
    it is trained.
    """

    random_seed: int
    lesson: Sequence[str]
    data: Section
    others: Sequence[Section]
    network: Section
    losses: Sequence[Section]
    recipe: Section
    settings: Section | None = None
    weighting: Section | None = None


@dataclass(frozen=True, kw_only=True)
class RatioChoice(TaskSpec):
    """How the ratio of a task is chosen: by hand, or by its record up to the width `cap`."""

    by_hand: float | None
    cap: float
    fair: float


@dataclass(frozen=True, kw_only=True)
class PatternChoice(TaskSpec):
    """How the pattern of a task is chosen: by hand, or the best one."""

    by_hand: str | None


@dataclass(frozen=True, kw_only=True)
class Inference(TaskSpec):
    """The data of all tasks so far, and how pairs of faces are compared, if they are."""

    data: Sequence[Section]
    pairs: Section | None = None


@dataclass(frozen=True, kw_only=True)
class Packing:
    """How one data set is packed."""

    revision: Sequence[int]
    kind: str
    experiment: str
    dataset: str
    settings: Section


@dataclass(frozen=True, kw_only=True)
class Alignment:
    """How one shard of a face set is aligned; shards count from 1."""

    revision: Sequence[int]
    kind: str
    experiment: str
    dataset: str
    settings: Section
    shard: int
    shards: int


@dataclass(frozen=True, kw_only=True)
class Grounding:
    """Which pretrained weights an experiment stands on; `files` is a digest where they are a file.

    `made_for`: the "side" in pixels of the images that they were trained on, where it is known.
    """

    revision: Sequence[int]
    kind: str
    experiment: str
    pretrained: str
    network: Section
    in_channels: int
    files: Section
    made_for: Section


@dataclass(frozen=True, kw_only=True)
class Overview:
    """What tables and report must know.

    `published_rows`: of a published table, each with our method and what is done with its networks.
    `separate`: the method whose networks share nothing, "" where there is none. `sharing`: the
    methods with one network for all tasks.
    """

    revision: Sequence[int]
    kind: str
    experiment: str
    protocol: str
    methods: Sequence[str]
    seeds: Sequence[int]
    tasks: Sequence[str]
    published_rows: Sequence[Sequence[str]]
    separate: str
    sharing: Sequence[str]


@dataclass(frozen=True, kw_only=True)
class Reporting(Overview):
    """What the report must know beside.

    `settings`: the whole configuration, to print it. `figures`: those that a rule declares, by
    what they show and of which method.
    """

    settings: Section
    figures: Sequence[Sequence[str]]


Spec = TaskSpec | Packing | Alignment | Grounding | Overview
