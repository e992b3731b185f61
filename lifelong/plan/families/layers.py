"""Shared layers: which of them a task shares is given, fixed by the method, or found by it."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from lifelong.plan.decisions import Grown
from lifelong.plan.families.layer_checks import check
from lifelong.plan.methods import Method
from lifelong.plan.networks import stack_of
from lifelong.plan.paths import MANIFEST
from lifelong.plan.patterns import named
from lifelong.plan.specs import LayerLearning, PatternChoice, TaskSpec
from lifelong.plan.stage import Inputs, Key

if TYPE_CHECKING:
    from lifelong.plan.plan import Plan

__all__ = ["SPECS", "check", "grown_inputs", "inputs", "spec"]
SPECS = {"train": LayerLearning, "select": PatternChoice, "retrain": LayerLearning}
SECTIONS = ("layers",)
_TRAINING = ("epochs", "lr", "decay", "batch_size", "eval_every", "eval_older_every")


def inputs(plan: "Plan", key: Key) -> Inputs:
    """The files a stage reads, by role."""
    return _INPUTS[key.kind](plan, key)


def grown_inputs(plan: "Plan", key: Key, grown: Grown) -> Inputs:
    """These networks do not widen as a whole: there is one candidate."""
    if key.kind != "retrain":
        return {}
    return {"candidate": plan.beside(key, "train", "candidate.h5")}


def spec(plan: "Plan", key: Key, grown: Grown) -> TaskSpec:
    """What a stage must know."""
    own, row, task = plan.settings(key.method), plan.row(key.method), plan.task(key)
    layers, network = own["layers"], own["network"]
    if key.kind == "select":
        by_hand = None if row.pattern else task.get("sharing")
        depth = stack_of(network["name"]).depth
        return PatternChoice(
            **plan.of_task(key), by_hand=by_hand and named(by_hand, depth, network["name"])
        )
    older = range(1, 1 if row.alone else key.position)
    return LayerLearning(
        **plan.of_task(key),
        random_seed=plan.random_seed(key),
        data=plan.data(key.position, key.seed),
        older=[plan.data(position, key.seed) for position in older],
        network=network,
        pattern=pattern_of(row, layers, network["name"]),
        options=options_of(row, layers),
        training=training_of(layers) if key.kind == "train" else None,
    )


def pattern_of(row: Method, layers: Mapping[str, Any], network: str) -> str:
    """The pattern of a method without a choice; "" where the method finds it itself."""
    if not row.pattern:
        return ""
    name = str(layers["pattern"]) if row.pattern == "given" else row.pattern
    return named(name, stack_of(network).depth, network)


def options_of(row: Method, layers: Mapping[str, Any]) -> dict[str, Any]:
    """The settings that a method reads, beside those of training."""
    return {name: layers[name] for name in ("dropout", *row.options)}


def training_of(layers: Mapping[str, Any]) -> dict[str, Any]:
    """How a task is trained, and how often it and the older tasks are measured meanwhile."""
    training = {name: layers[name] for name in _TRAINING}
    training["eval_older_every"] = layers["eval_older_every"] or layers["eval_every"]
    return training


def _train(plan: "Plan", key: Key) -> Inputs:
    files: Inputs = {"pack": plan.pack(key.position), **plan.shard_before(key)}
    if "shards" in files:  # the older tasks are measured too
        files["packs"] = plan.packs(range(1, key.position))
    return files


def _select(plan: "Plan", key: Key) -> Inputs:
    return {"learned": plan.beside(key, "train", MANIFEST)}


def _retrain(plan: "Plan", key: Key) -> Inputs:
    return _train(plan, key) | {"selected": plan.beside(key, "select", "selected.json")}


_INPUTS: dict[str, Callable[["Plan", Key], Inputs]] = {
    "train": _train,
    "select": _select,
    "retrain": _retrain,
    "infer": lambda plan, key: plan.infer_inputs(key),
}
