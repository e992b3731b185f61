"""Wrong configurations of methods that share layers."""

# ruff: noqa: E501 - one case a line, as in a table

from typing import Any

from bad_input.case import CONFIG, Case, edited

LAYERS: dict[str, Any] = {
    **{key: CONFIG[key] for key in ("experiment", "datasets", "tasks")},
    "methods": ["hps", "lasem_hps"],
    "network": {"name": "tiny_cnn2"},
    "layers": {"epochs": 1},
}
_GROUPS = LAYERS | {
    "datasets": {"cifar": {"source": "cifar100", "root": "raw", "groups": ["people", "fish"]}},
    "tasks": [{"name": "people"}, {"name": "fish", "group": "fish", "classes": ["shark", "trout"]}],
}
_SIDES = "write one letter per layer from the image on, such as 'S-' (S shared, - its own), or all, none, top1 to top2, bottom1 to bottom2, alternating"
_DEEP = {**LAYERS, "network": {"name": "cifar_resnet17"}}
_HELD_OUT = {**LAYERS, "layers": {"epochs": 1, "lasem": {"likelihood_images": "validation"}}}
_SETTLING = {**LAYERS, "layers": {"epochs": 2, "lasem": {"search": 0.5}}}
_SHARING = {**LAYERS, "layers": {"epochs": 1, "lasem": {"first": "share"}}}
_GROUPED = {**LAYERS, "layers": {"epochs": 1, "groups": [2]}}

# what is wrong | key | value | what comes after "config key " | what to do
_KEYS: list[tuple[str, str, Any, str, str, dict[str, Any]]] = [
    ("a pattern of too many layers", "layers.pattern", "SSS-", "layers.pattern: 'SSS-' has 4 letters, but tiny_cnn2 has 2 layers that may be shared", "write one letter per layer", LAYERS),
    ("a pattern with another letter", "layers.pattern", "SX", "layers.pattern: 'SX' is no pattern of 2 layers: " + _SIDES, "write S or -", LAYERS),
    ("a pattern of more top layers than there are", "layers.pattern", "top3", "layers.pattern: 'top3' is no pattern of 2 layers: " + _SIDES, "use fewer", LAYERS),
    ("a code of a pattern that is not defined", "layers.pattern", 45, "layers.pattern: code 45 is not defined for 17 layers (there are 0 to 4); write the pattern itself, one letter per layer", "write the pattern", _DEEP),
    ("groups that leave layers out", "layers.groups", [1], "layers.groups: [1] cover 1 layers, but the network has 2 that may be shared", "cover them all", LAYERS),
    ("groups of more layers than there are", "layers.groups", [2, 1], "layers.groups: [2, 1] cover 3 layers, but the network has 2 that may be shared", "cover each once", LAYERS),
    ("a group of no layer", "layers.groups", [0, 2], "layers.groups.0: 0 is less than the minimum of 1", "drop it", LAYERS),
    ("too many patterns to search", "layers.groups", None, "layers.groups: 17 groups make 131072 configurations, at most 1024 are searched; …Let layers choose together, for example [3, 2, 2, 2, 2, 2, 2, 2]", "let layers choose together", _DEEP),
    ("spare outputs of networks that share layers", "network.head_outputs", 16, "network.head_outputs: tiny_cnn2 has one output per class: remove it", "remove it", LAYERS),
    ("a pattern by hand that divides a group", "tasks.0.sharing", "S-", "tasks: sharing 'S-' of task 'a' divides a group of layers.groups [2] (lasem_hps): layers of a group share or not together", "share the group or not", _GROUPED),
    ("a pattern by hand of another number of layers", "tasks.0.sharing", "S", "tasks: sharing: 'S' has 1 letters, but tiny_cnn2 has 2 layers that may be shared", "write one letter per layer", LAYERS),
    ("a network that cannot share layers", "network.name", "small_cnn", "network.name: hps shares layers of tiny_cnn2, …, not of small_cnn", "use one of those listed", LAYERS),
    ("images that a network of shared layers shall see larger", "network.input_size", 16, "network.input_size: tiny_cnn2 sees images as they are packed: remove it", "remove it", LAYERS),
    ("a network only for methods that share layers", "methods", ["packnet"], "network.name: packnet cannot use tiny_cnn2, which is for methods that share layers; take vgg16_bn or small_cnn, or leave the method out", "take another network", LAYERS),
    ("one head for different numbers of classes", "tasks.1.classes", [2, 3, 4], "tasks: 'a' has 2 classes and 'b' 3, but snn has one head for all tasks: give them equally many, or leave it out of methods", "give them equally many", {**LAYERS, "methods": ["snn"]}),
    ("one head for a group and some classes of another", "methods", ["snn"], "tasks: 'fish' has 2 classes and 'people' 5, but snn has one head for all tasks: give them equally many, or leave it out of methods", "give them equally many", _GROUPS),
    ("a loss of its own for methods that share layers", "tasks.0.loss", {"kind": "weighted"}, "tasks: loss of task 'a' is for networks of faces; hps shares layers and minimises the cross entropy: drop it or the method", "drop it", LAYERS),
    ("a variant of an unknown method", "variants", {"mine": {"method": "hsp"}}, "variants.mine.method: there is no method 'hsp'; did you mean 'hps'?", "correct it", LAYERS),
    ("a variant named as a method", "variants", {"cpg": {"method": "hps"}}, "variants: 'cpg' is a method already, rename it", "rename it", LAYERS),
    ("a variant without a method", "variants", {"mine": {}}, "variants.mine: 'method' is a required property", "name its method", LAYERS),
    ("a likelihood of held out images where none are", "protocol", "paper", "layers.lasem.likelihood_images: with protocol paper lasem_hps learns from the validation images too, and none are held out: set protocol to clean, or likelihood_images to training", "set protocol to clean", _HELD_OUT),
    ("a search that leaves no epoch to what it finds", "layers.lasem.search", 0.8, "layers.lasem.search: 0.8 of 2 epochs leaves lasem_hps none to train the pattern that it finds; set it lower, or to 1 to search in all of them", "set it lower", _SETTLING),
    ("a pattern by hand that was not trained to the end", "tasks.0.sharing", "SS", "tasks: sharing of task 'a': with layers.lasem.search 0.5 lasem_hps trains only the pattern it finds to the end; drop the key, or set search to 1", "drop it, or search to the end", _SETTLING),
    ("a first task by hand that shares all layers", "tasks.0.sharing", "S-", "tasks: sharing of task 'a': with layers.lasem.first share lasem_hps shares all layers of the first task; drop the key, or set first to search", "drop it, or search", _SHARING),
    ("no dropout left to keep", "layers.dropout", 1.0, "layers.dropout: 1.0 is greater than or equal to the maximum of 1", "keep some", LAYERS),
]  # fmt: skip

CASES = [
    Case(wrong, f"config key {says}", do, edited(key, value, base))
    for wrong, key, value, says, do, base in _KEYS
]
