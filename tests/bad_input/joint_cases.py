"""Wrong configurations of tasks that are learned together."""

# ruff: noqa: E501 - one case a line, as in a table

from typing import Any

from bad_input.case import CONFIG, Case, edited

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

CASES = [
    *(
        Case(wrong, f"config key {says}", do, edited(key, value, JOINT))
        for wrong, key, value, says, do in _KEYS
    ),
    Case(
        "images of two sizes in one lesson",
        "config key joint.lessons: joint shows a images of 8 pixels and b of 16: one network takes "
        "one size; change image_size, or make two lessons of them",
        "set one image_size, or make two lessons",
        edited("tasks", _TASKS, JOINT | {"datasets": _SIZES}),
    ),
]
