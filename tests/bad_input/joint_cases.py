"""Wrong configurations of tasks that are learned together."""

# ruff: noqa: E501 - one case a line, as in a table

import copy
import json
from pathlib import Path
from typing import Any

from bad_input.case import CONFIG, Case, Make, edited, write_config
from face_trees import PEOPLE, draw_oulu, text

JOINT: dict[str, Any] = {
    **{key: CONFIG[key] for key in ("experiment", "datasets", "tasks", "network", "train")},
    "methods": ["joint", "dynamic"],
    "joint": {"lessons": [["a", "b"]]},
}

# what is wrong | key | value | what comes after "config key " | what to do
_KEYS: list[tuple[str, str, Any, str, str]] = [
    ("a lesson of an unknown task", "joint.lessons", [["a", "x"]], "joint.lessons: there is no task 'x'; there are a, b", "use one of those listed"),
    ("a task that is twice in a lesson", "joint.lessons", [["a", "a", "b"]], "joint.lessons: task 'a' is named twice: a task has one lesson", "name it once"),
    ("a task of two lessons", "joint.lessons", [["a", "b"], "b"], "joint.lessons: task 'b' is named twice: a task has one lesson", "leave it to one of them"),
    ("a task of no lesson", "joint.lessons", ["a"], "joint.lessons: task 'b' is in no lesson: add it", "add it"),
    ("lessons in another order than the tasks", "joint.lessons", ["b", "a"], "joint.lessons: lessons take tasks as they arrive, a, b: change the order of one", "change the order of one"),
    ("an empty lesson", "joint.lessons", [[], "a", "b"], "joint.lessons.0: …", "remove it"),
    ("a weight of an unknown task", "joint.weights", {"x": 1.0}, "joint.weights: there is no task 'x'; there are a, b", "use one of those listed"),
    ("weights of nothing", "joint.weights", {"a": 0, "b": 0}, "joint.weights: all of a, b have 0: raise one", "raise one"),
    ("a rate of weights below nothing", "joint.lr", -0.1, "joint.lr: -0.1 is less than or equal to the minimum of 0", "use a positive one"),
    ("a way to scale logits that is unknown", "joint.logit_norm", "l1", "joint.logit_norm: 'l1' is not one of ['l2', 'none']", "use one of those listed"),
    ("dropout of an unknown task", "joint.dropout", {"x": 0.5}, "joint.dropout: there is no task 'x'; there are a, b", "use one of those listed"),
    ("norms held before they have seen anything", "joint.held_norms", ["a"], "joint.held_norms: a is of the first lesson, so its norms have no statistics to keep: let a lesson come first, or remove it", "let a lesson come first, or remove it"),
    ("branches of a network that has none", "joint.copy_branches", True, "joint.copy_branches: the tasks of small_cnn have no layers of their own but one: take facelivenet, or remove the key", "take facelivenet, or remove it"),
    ("spare outputs of tasks learned together", "network.head_outputs", 9, "network.head_outputs: joint has one output per class: remove it", "remove it"),
    ("an epsilon of SGD", "recipe.epsilon", 1.0, "recipe.epsilon (joint): only rmsprop has one: set recipe.optimiser to it, or remove the key", "set recipe.optimiser to rmsprop, or remove it"),
    ("a network that cannot have several heads", "network.name", "tiny_cnn2", "network.name: joint cannot use tiny_cnn2, which is for methods that share layers; take vgg16_bn or small_cnn, or leave the method out", "take another network"),
]  # fmt: skip

_SIZES = {
    "small": {"source": "digits", "channels": 1},
    "large": {"source": "image_folder", "root": "raw", "image_size": 16, "channels": 1},
}
_TASKS = [
    {"name": "a", "classes": [0, 1], "dataset": "small"},
    {"name": "b", "classes": ["dark", "light"], "dataset": "large"},
]

_FACES = {"root": "oulu", "fold": 2, "prealigned": True, "image_size": 8}
PAIRS: dict[str, Any] = JOINT | {
    "datasets": {
        "expressions": {"source": "oulu_casia", "labels": "expression", **_FACES},
        "people": {"source": "oulu_casia", "labels": "identity", **_FACES},
        "pairs": {"source": "oulu_casia_pairs", **_FACES},
    },
    "tasks": [
        {"name": "a", "dataset": "expressions"},
        {"name": "b", "dataset": "people", "pairs": {"dataset": "pairs", "expression": "a"}},
    ],
    "goals": {},
}

_OF_PAIRS: list[tuple[str, str, Any, str, str]] = [
    ("pairs that ask a later task for expressions", "tasks.1.pairs.expression", "b", "tasks: pairs of task 'b': expression 'b' has to be a task before it: move it there", "put that task first"),
    ("pairs that ask a task for what it does not tell", "tasks.0.dataset", "people", "tasks: pairs of task 'b': a has to learn all expressions of source oulu_casia: name such a task", "name a task of expressions"),
    ("pairs of people whose expressions are learned", "datasets.pairs.fold", 3, "tasks: pairs of task 'b': expressions and pairs need the same fold: what a has learned from must not be in pairs", "give both the same fold"),
]  # fmt: skip

_PACK = ("stage", "results/tiny/pack_data/pairs/pack.h5")
_HEADER = "No Input Ref Same Actual Required Ref Shown"
_HAPPY, _ANGRY = (f"{name}/P001_{name}" for name in ("Happiness", "Anger"))
# what is wrong | the line of the file of pairs | what comes after its place | what to do
_LINES: list[tuple[str, str, str, str]] = [
    ("a pair of three columns", f"1 P001/{_HAPPY}_021.png True", " has 3 columns where 8 belong: mend it", "mend the line"),
    ("a pair whose label is not that of the picture", f"1 P001/{_HAPPY}_021.png P001/{_ANGRY}_021.png True 0 3 -1 False", f": P001/{_HAPPY}_021.png has label 0 here and 3 in labels.txt: mend it", "mend the line"),
    ("a pair of somebody who is learned from", f"1 P002/{_HAPPY}_021.png P001/{_ANGRY}_021.png False 3 3 -1 True", ": P002 is not of the fold that is tested on, so it would be measured on people it learned from: remove the line, or test on another fold", "remove the line"),
]  # fmt: skip


def _with_line(line: str) -> Make:
    """A tree of faces, folds that test P001 alone, and a file of one pair."""

    def make(folder: Path) -> None:
        draw_oulu(folder / "oulu")
        folds = {"folds": [PEOPLE[1:8], PEOPLE[8:], PEOPLE[:1]]}
        text(folder / "folds.json", json.dumps(folds))
        text(folder / "pairs.txt", _HEADER, line)
        config = copy.deepcopy(PAIRS)
        for dataset in config["datasets"].values():
            dataset["folds"] = "folds.json"
        config["datasets"]["pairs"]["pairs"] = "pairs.txt"
        write_config(folder, config)

    return make


CASES = [
    *(
        Case(wrong, f"config key {says}", do, edited(key, value, PAIRS))
        for wrong, key, value, says, do in _OF_PAIRS
    ),
    *(
        Case(wrong, f"…pairs.txt, line 2{says}", do, _with_line(line), _PACK)
        for wrong, line, says, do in _LINES
    ),
    *(
        Case(wrong, f"config key {says}", do, edited(key, value, JOINT))
        for wrong, key, value, says, do in _KEYS
    ),
    Case(
        "images of two sizes for one LeNet",
        "config key datasets: images of 8 and 16 pixels, but the hidden layers of lenet, which "
        "packnet passes on from task to task, take one size: set network.input_size, or let all "
        "tasks show images of one size",
        "set network.input_size",
        edited("network.name", "lenet", CONFIG | {"datasets": _SIZES, "tasks": _TASKS}),
    ),
    Case(
        "images of two sizes in one lesson",
        "config key joint.lessons: joint shows a images of 8 pixels and b of 16: one network takes "
        "one size; change image_size, or make two lessons of them",
        "set one image_size, or make two lessons",
        edited("tasks", _TASKS, JOINT | {"datasets": _SIZES}),
    ),
]
