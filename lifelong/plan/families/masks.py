"""Masks over single weights: tasks own weights of one network, pick older ones, make it grow."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from lifelong.plan.datasets import task_side
from lifelong.plan.decisions import Grown, fair_ratio
from lifelong.plan.errors import ConfigError
from lifelong.plan.methods import GOAL_METHODS, Method
from lifelong.plan.networks import NETWORKS, left_side
from lifelong.plan.paths import MANIFEST
from lifelong.plan.revisions import CENTRES
from lifelong.plan.settings import own_key
from lifelong.plan.specs import NetworkLearning, RatioChoice, TaskSpec
from lifelong.plan.stage import Inputs, Key

if TYPE_CHECKING:
    from lifelong.plan.plan import Plan

SPECS = {
    "train": NetworkLearning,
    "expand": NetworkLearning,
    "prune": NetworkLearning,
    "select": RatioChoice,
    "retrain": NetworkLearning,
}
SECTIONS = ("train", "prune", "retrain")


def inputs(plan: "Plan", key: Key) -> Inputs:
    """The files a stage reads however often its task was widened, by role."""
    return _INPUTS[key.kind](plan, key)


def grown_inputs(plan: "Plan", key: Key, grown: Grown) -> Inputs:
    """The candidate that the last attempt left, and what decided that it took so many."""
    if key.kind not in ("prune", "retrain"):
        return {}
    files: Inputs = {"candidate": _of_attempt(plan, key, grown.attempt, "candidate.h5")}
    if grown.attempt:
        attempts = range(1, grown.attempt + 1)
        files["widened"] = [_of_attempt(plan, key, attempt) for attempt in attempts]
    return files


def spec(plan: "Plan", key: Key, grown: Grown) -> TaskSpec:
    """What a stage must know."""
    own, task = plan.settings(key.method), plan.task(key)
    if key.kind == "select":
        return _choice(plan, key, own, task)
    section = "train" if key.kind == "expand" else key.kind
    more: dict[str, Any] = {}
    if key.kind == "expand":
        more = {"attempt": key.attempt, "expand": own["expand"]}
    if key.kind == "prune" and grown.missed:
        fair = fair_ratio(key.position, own["expand"]["tasks_expected"])
        if task.get("ratio", 0.0) <= fair:  # one set by hand may need rungs beyond
            more = {"stop_at": fair}
    row = plan.row(key.method)
    settings = own[section] | (own["picking"] if row.picks == "top_k" else {})
    if row.widens:
        settings = settings | {"widens_by": own["expand"]["step"]}
    if plan.on_ground(key.method):
        settings = settings | {"released": own["ground"]["released"]}
    of_task = plan.of_task(key)
    if settings.get("centres"):
        of_task["revision"] = [*of_task["revision"], CENTRES]
    return NetworkLearning(
        **of_task,
        random_seed=plan.random_seed(key),
        data=plan.data(key.position, key.seed),
        network=own["network"],
        recipe=own["recipe"],
        settings=settings,
        loss=task.get("loss", {}),
        **more,
    )


def check(name: str, row: Method, own: Mapping[str, Any], config: Mapping[str, Any]) -> None:
    """Raise ConfigError where a method cannot run as it is configured; `own` are its settings."""
    check_network(name, row, own, config)
    _check_goals(row, own, config)
    _check_prune(name, row, own, config)
    if row.ground and own["picking"]["scores"] == "carried":
        raise ConfigError(
            f"config key {own_key(config, name)}.picking.scores: {name} learns the scores of every "
            "task anew: remove it"
        )


def check_network(
    name: str, row: Method, own: Mapping[str, Any], config: Mapping[str, Any]
) -> None:
    """Raise ConfigError where the network is made for other methods or other images."""
    network = own["network"]["name"]
    _check_fixed(name, row, own["network"])
    _check_one_size(name, row, own["network"], config)
    if row.family in NETWORKS[network].families:
        return
    others = [one.name for one in NETWORKS.values() if row.family in one.families]
    raise ConfigError(
        f"config key network.name: {name} cannot use {network}, which is for methods that share "
        f"layers; take {' or '.join(others[:2])}, or leave the method out"
    )


def _check_one_size(
    name: str, row: Method, network: Mapping[str, Any], config: Mapping[str, Any]
) -> None:
    """Raise ConfigError where tasks would share layers that are made for images of one size."""
    kind, shares = network["name"], not row.alone or row.starts_from
    if not (shares and NETWORKS[kind].halvings) or "input_size" in network:
        return
    sides = sorted({task_side(task, config) for task in config["tasks"]})
    if len({left_side(kind, side) for side in sides}) > 1:
        raise ConfigError(
            f"config key datasets: images of {sides[0]} and {sides[-1]} pixels, but the hidden "
            f"layers of {kind}, which {name} passes on from task to task, take one size: set "
            "network.input_size, or let all tasks show images of one size"
        )


def _check_fixed(name: str, row: Method, network: Mapping[str, Any]) -> None:
    """Raise ConfigError where a network of one width shall have another."""
    if NETWORKS[network["name"]].grows:
        return
    if network["channels"] != 1.0:
        raise ConfigError(
            f"config key network.channels: {network['name']} has its own channels: set it to 1.0"
        )
    if row.widens:
        raise ConfigError(
            f"config key network.name: {name} widens its network with every task, and "
            f"{network['name']} has one width: leave the method out"
        )


def _choice(plan: "Plan", key: Key, own: Mapping[str, Any], task: Mapping[str, Any]) -> RatioChoice:
    row, expected = plan.row(key.method), own["expand"]["tasks_expected"]
    return RatioChoice(
        **plan.of_task(key),
        by_hand=task.get("ratio") if row.has_goal else None,
        cap=own["expand"]["cap"] if row.expands else 1.0,
        fair=fair_ratio(key.position, expected) if row.expands else 0.0,
    )


def _of_attempt(plan: "Plan", key: Key, attempt: int, name: str = MANIFEST) -> str:
    """A file of an attempt of a task; attempt 0 is the train stage."""
    kind = "expand" if attempt else "train"
    return plan.file(Key(kind, key.method, key.seed, key.position, attempt), name)


def _goals(plan: "Plan", key: Key) -> Inputs:
    goals = plan.settings(key.method)["goals"]
    if plan.task(key)["name"] in goals["given"]:
        return {}
    measured = Key("baseline", GOAL_METHODS[goals["policy"]], key.seed, key.position)
    return {"baseline": plan.file(measured, MANIFEST)}


def _older(plan: "Plan", key: Key) -> Inputs:
    return {
        "pack": plan.pack(key.position),
        **plan.ground_of(key.method),
        **plan.shard_before(key),
    }


def _train(plan: "Plan", key: Key) -> Inputs:
    files, row = _older(plan, key), plan.row(key.method)
    if row.picks == "top_k" and not row.ground and key.position > 1:  # scores and free weights
        before = Key("train", key.method, key.seed, key.position - 1)
        files["carried"] = plan.file(before, "candidate.h5")
    return files


def _expand(plan: "Plan", key: Key) -> Inputs:
    return _train(plan, key) | {"before": _of_attempt(plan, key, key.attempt - 1)}


def _prune(plan: "Plan", key: Key) -> Inputs:
    files = _older(plan, key)
    if plan.row(key.method).expands:
        files["learned"] = _of_attempt(plan, key, 0)
    return files


def _select(plan: "Plan", key: Key) -> Inputs:
    files: Inputs = {"record": plan.beside(key, "prune", "record.csv")}
    if plan.row(key.method).has_goal:
        files["goal"] = plan.beside(key, "goals", "goal.json")
    return files


def _retrain(plan: "Plan", key: Key) -> Inputs:
    pruned = plan.beside(key, "prune", MANIFEST)
    selected = plan.beside(key, "select", "selected.json")
    return _prune(plan, key) | {"prune": pruned, "selected": selected}


_INPUTS: dict[str, Callable[["Plan", Key], Inputs]] = {
    "goals": _goals,
    "train": _train,
    "expand": _expand,
    "prune": _prune,
    "select": _select,
    "retrain": _retrain,
    "infer": lambda plan, key: plan.infer_inputs(key),
}


def _check_goals(row: Method, own: Mapping[str, Any], config: Mapping[str, Any]) -> None:
    names, goals = {task["name"] for task in config["tasks"]}, own["goals"]
    if row.has_goal and goals["policy"] not in GOAL_METHODS:
        missing = sorted(names - set(goals["given"]))
        if missing:
            raise ConfigError(f"config key goals.given: no goal for task {missing[0]!r}")


def _check_prune(name: str, row: Method, own: Mapping[str, Any], config: Mapping[str, Any]) -> None:
    ratios = own["prune"]["ratios"]
    if ratios != sorted(ratios):
        raise ConfigError(f"config key prune.ratios ({name}): give them in rising order")
    if len({f"{ratio:g}" for ratio in ratios}) < len(ratios):
        raise ConfigError(  # their files would have one name
            f"config key prune.ratios ({name}): two of them agree in six digits, drop one"
        )
    for task in config["tasks"]:
        ratio = task.get("ratio", 0.0)
        if row.has_goal and ratio and ratio not in ratios:
            raise ConfigError(
                f"config key tasks: ratio {ratio} of task {task['name']!r} is not a rung "
                f"of prune.ratios ({name}): {ratios}"
            )
