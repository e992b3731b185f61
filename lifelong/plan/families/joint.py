"""Tasks that a network learns together, lesson by lesson, and how their losses are weighed."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from lifelong.plan.datasets import task_side
from lifelong.plan.decisions import Grown
from lifelong.plan.errors import ConfigError
from lifelong.plan.families.masks import check_network
from lifelong.plan.lessons import check_lessons, lessons_of
from lifelong.plan.methods import Method
from lifelong.plan.networks import NETWORKS
from lifelong.plan.seeds import seed_of
from lifelong.plan.specs import LessonLearning
from lifelong.plan.stage import Inputs, Key

if TYPE_CHECKING:
    from lifelong.plan.plan import Plan

SPECS = {"train": LessonLearning, "retrain": LessonLearning}
_OF_TRAINING = ("epochs", "lr", "milestones", "factor")
SECTIONS = ("train", "joint")


def inputs(plan: "Plan", key: Key) -> Inputs:
    """The files a stage reads: the images of all tasks of the lesson, and the lesson before it."""
    if key.kind == "infer":
        return plan.infer_inputs(key)
    lesson = plan.lesson(key.method, key.position)
    return {"packs": plan.packs(lesson), **plan.shard_before(key)}


def grown_inputs(plan: "Plan", key: Key, grown: Grown) -> Inputs:
    """These networks do not widen: there is one candidate."""
    if key.kind != "retrain":
        return {}
    return {"candidate": plan.beside(key, "train", "candidate.h5")}


def spec(plan: "Plan", key: Key, grown: Grown) -> LessonLearning:
    """What a stage must know."""
    own, row = plan.settings(key.method), plan.row(key.method)
    lesson = plan.lesson(key.method, key.position)
    tasks = [plan.config["tasks"][position - 1] for position in lesson]
    names = [task["name"] for task in tasks]
    *others, last = [plan.data(position, key.seed) for position in lesson]
    training: dict[str, Any] = {}
    if key.kind == "train":
        training["settings"] = {name: own["train"][name] for name in _OF_TRAINING}
        if lesson.start == 1:
            training["settings"] |= own["joint"].get("first_lesson", {})
        training["settings"] |= {"clip": own["joint"]["clip"], **_extras(names, own["joint"])}
        training["weighting"] = {name: own["joint"][name] for name in row.options}
    return LessonLearning(
        **plan.of_task(key),
        random_seed=seed_of(key.seed, *names),
        lesson=names,
        data=last,
        others=others,
        network=own["network"],
        losses=[task.get("loss", {}) for task in tasks],
        recipe=own["recipe"],
        **training,
    )


def _extras(names: list[str], joint: Mapping[str, Any]) -> dict[str, Any]:
    """The further keys that concern these tasks, without those that do nothing."""
    extras: dict[str, Any] = {
        key: {task: joint[key][task] for task in names if joint[key].get(task)}
        for key in ("dropout", "centres")
    }
    extras["held_norms"] = [task for task in names if task in joint["held_norms"]]
    extras["centre_keep"] = joint["centre_keep"] if extras["centres"] else 0.0
    extras["copy_branches"] = joint["copy_branches"]
    return {key: value for key, value in extras.items() if value}


def check(name: str, row: Method, own: Mapping[str, Any], config: Mapping[str, Any]) -> None:
    """Raise ConfigError where a method cannot run as it is configured; `own` are its settings."""
    check_network(name, row, own, config)
    tasks = config["tasks"]
    names, given = [task["name"] for task in tasks], own["joint"]["lessons"]
    check_lessons(names, given)
    if "head_outputs" in own["network"]:
        raise ConfigError(
            f"config key network.head_outputs: {name} has one output per class: remove it"
        )
    _check_extras(names, own)
    for lesson in lessons_of(names, given):
        _check_lesson(name, [tasks[position - 1] for position in lesson], config)
    _check_weights(names, own)


def _check_extras(names: list[str], own: Mapping[str, Any]) -> None:
    joint, where = own["joint"], "config key joint"
    for key in ("dropout", "centres", "held_norms"):
        if unknown := [task for task in joint[key] if task not in names]:
            raise ConfigError(
                f"{where}.{key}: there is no task {unknown[0]!r}; there are {', '.join(names)}"
            )
    first = [names[position - 1] for position in lessons_of(names, joint["lessons"])[0]]
    if fresh := [task for task in first if task in joint["held_norms"]]:
        raise ConfigError(
            f"{where}.held_norms: {fresh[0]} is of the first lesson, so its norms have no "
            "statistics to keep: let a lesson come first, or remove it"
        )
    if joint["copy_branches"] and not NETWORKS[own["network"]["name"]].branch:
        raise ConfigError(
            f"{where}.copy_branches: the tasks of {own['network']['name']} have no layers of their "
            "own but one: take facelivenet, or remove the key"
        )


def _check_lesson(name: str, tasks: list[Mapping[str, Any]], config: Mapping[str, Any]) -> None:
    sides = {task["name"]: task_side(task, config) for task in tasks}
    for task, side in sides.items():
        first, wanted = next(iter(sides.items()))
        if side != wanted:
            raise ConfigError(
                f"config key joint.lessons: {name} shows {first} images of {wanted} pixels and "
                f"{task} of {side}: one network takes one size; change image_size, or make two "
                "lessons of them"
            )
    if len([task for task in tasks if "pairs" in task]) > 1:
        raise ConfigError(
            f"config key joint.lessons: two tasks of one lesson of {name} have pairs: leave them "
            "to one"
        )


def _check_weights(names: list[str], own: Mapping[str, Any]) -> None:
    weights, where = own["joint"]["weights"], "config key joint.weights"
    for task in weights:
        if task not in names:
            raise ConfigError(f"{where}: there is no task {task!r}; there are {', '.join(names)}")
    for lesson in lessons_of(names, own["joint"]["lessons"]):
        learned = [names[position - 1] for position in lesson]
        if not any(weights.get(task, 1.0) for task in learned):
            raise ConfigError(f"{where}: all of {', '.join(learned)} have 0: raise one")
