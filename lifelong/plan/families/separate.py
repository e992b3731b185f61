"""Separate networks: one per task, from scratch or started from another task's network."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from lifelong.plan.decisions import Grown
from lifelong.plan.families.masks import check_network
from lifelong.plan.methods import Method
from lifelong.plan.paths import MANIFEST
from lifelong.plan.seeds import seed_of
from lifelong.plan.specs import NetworkLearning
from lifelong.plan.stage import Inputs, Key

if TYPE_CHECKING:
    from lifelong.plan.plan import Plan

SPECS = {"baseline": NetworkLearning}
SECTIONS = ("baseline",)


def inputs(plan: "Plan", key: Key) -> Inputs:
    """The files that `baseline` and `infer` read."""
    if key.kind == "infer":  # the manifests name further networks of a task, to measure too
        stages = [Key("baseline", key.method, key.seed, i) for i in range(1, key.position + 1)]
        manifests = [plan.file(stage, MANIFEST) for stage in stages]
        return plan.infer_inputs(key) | {"baselines": manifests}
    files: Inputs = {"pack": plan.pack(key.position), **plan.ground_of(key.method)}
    if sources := sorted(set(_sources(plan, key)) - {0}):
        other = plan.row(key.method).starts_from
        files["sources"] = [plan.shard(other, key.seed, position) for position in sources]
    return files


def grown_inputs(plan: "Plan", key: Key, grown: Grown) -> Inputs:
    """These networks do not grow."""
    return {}


def spec(plan: "Plan", key: Key, grown: Grown) -> NetworkLearning:
    """What `baseline` must know."""
    own, task = plan.settings(key.method), plan.task(key)
    return NetworkLearning(
        **plan.of_task(key),
        random_seed=plan.random_seed(key),
        data=plan.data(key.position, key.seed),
        network=own["network"],
        recipe=own["recipe"],
        settings=own["baseline"],
        loss=task.get("loss", {}),
        sources=_sources(plan, key),
    )


def check(name: str, row: Method, own: Mapping[str, Any], config: Mapping[str, Any]) -> None:
    """Raise ConfigError where a method cannot run as it is configured."""
    check_network(name, row, own, config)


def _sources(plan: "Plan", key: Key) -> list[int]:
    """For each network of a task the position of the task it starts from; 0 is from scratch, or
    from pretrained weights."""
    if not plan.row(key.method).starts_from:
        return [0]
    repetitions = plan.settings(key.method)["baseline"]["repetitions"]
    if key.position == 1 or plan.on_ground(key.method):
        return [0] * repetitions
    task = plan.task(key)["name"]
    return [
        seed_of(key.seed, task, "source", i) % (key.position - 1) + 1 for i in range(repetitions)
    ]
