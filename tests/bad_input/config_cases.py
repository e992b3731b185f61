"""Wrong configurations: keys, values and files."""

# ruff: noqa: E501 - one case a line, as in a table

from datetime import date
from pathlib import Path
from typing import Any

import yaml
from bad_input.case import CONFIG, IMAGES, Case, Make, edited

from lifelong.plan.class_names import GROUP_OF
from lifelong.plan.reading import NOT_CONFIGURATION

LONG = "x" * 101
NAME = " has to begin with a letter or digit of A-Z, a-z, 0-9, and may go on with these and _ . -"
MANY = [{"name": f"t{i}", "classes": [0, 1]} for i in range(255)]

# what is wrong | key | value | what comes after "config key " | what to do
_KEYS: list[tuple[str, str, Any, str, str]] = [
    ("a section's key is misspelt", "train.epoch", 5, "train: there is no key 'epoch'; did you mean 'epochs'?", "correct it"),
    ("a key of a data set is unknown", "datasets.digits.sauce", 1, "datasets.digits: there is no key 'sauce'; did you mean 'source'?", "correct it"),
    ("a key of a task is unknown", "tasks.0.color", 1, "tasks.0: there is no key 'color'; …", "use one of those listed"),
    ("a key of a method's section is unknown", "method_settings.cpg.train", {"rate": 1}, "method_settings.cpg.train: there is no key 'rate'; …", "use one of those listed"),
    ("settings for an unknown method", "method_settings.ewc", {}, "method_settings: there is no key 'ewc'; …", "use one of those listed"),
    ("a method is unknown", "methods", ["ewc"], "methods.0: there is no method 'ewc'; there are scratch, …", "use one of those listed"),
    ("a method is listed twice", "methods", ["cpg", "cpg"], "methods: ['cpg', 'cpg'] has non-unique elements", "list it once"),
    ("no method", "methods", [], "methods: …", "name at least one"),
    ("methods as a text", "methods", "cpg", "methods: 'cpg' is not of type 'array'; write [cpg]", "write [cpg]"),
    ("seeds without brackets, as after --config", "seeds", "0,1", "seeds: '0,1' is not of type 'array'; write [0, 1]", "write [0, 1]"),
    ("a section is left empty", "train", None, "train: None is not of type 'object'", "fill it or remove its line"),
    ("a section is a list", "goals", [], "goals: [] is not of type 'object'", "write keys with values"),
    ("the experiment's name has a slash", "experiment", "a/b", "experiment: 'a/b'" + NAME, "choose another name"),
    ("the experiment's name leads upwards", "experiment", "..", "experiment: '..'" + NAME, "choose another name"),
    ("the experiment's name is empty", "experiment", "", "experiment: ''" + NAME, "choose a name"),
    ("the experiment's name is a date", "experiment", date(2020, 1, 1), "experiment: … is not of type 'string'; put it in quotes to make a text of it", "put it in quotes"),
    ("the experiment's name is too long", "experiment", LONG, "experiment: a name of 101 characters is too long for a folder, 100 are the most", "shorten it"),
    ("a task's name leads upwards", "tasks.0.name", "../x", "tasks.0.name: '../x'" + NAME, "choose another name"),
    ("a task's name has a slash", "tasks.0.name", "a/b", "tasks.0.name: 'a/b'" + NAME, "choose another name"),
    ("a task's name has an accent", "tasks.0.name", "é", "tasks.0.name: 'é'" + NAME, "choose another name"),
    ("a task's name is a shell command", "tasks.0.name", "$(touch pwned)", "tasks.0.name: '$(touch pwned)'" + NAME, "choose another name"),
    ("a task's name has braces", "tasks.0.name", "{seed}", "tasks.0.name: '{seed}'" + NAME, "choose another name"),
    ("a task's name begins with a dash", "tasks.0.name", "-rf", "tasks.0.name: '-rf'" + NAME, "choose another name"),
    ("a task's name is empty", "tasks.0.name", "", "tasks.0.name: ''" + NAME, "choose a name"),
    ("a task's name is too long", "tasks.0.name", LONG, "tasks.0.name: a name of 101 characters is too long for a folder, 100 are the most", "shorten it"),
    ("a task's name is a number", "tasks.0.name", 5, "tasks.0.name: 5 is not of type 'string'; put it in quotes to make a text of it", "put it in quotes"),
    ("a task is listed twice", "tasks.1.name", "a", "tasks: task 'a' is listed twice", "rename or remove one"),
    ("no task", "tasks", [], "tasks: …", "add a task"),
    ("255 tasks", "tasks", MANY, "tasks: 255 tasks, but one network holds at most 254", "drop some"),
    ("a data set's name has a slash", "datasets", {"x/y": {"source": "digits", "channels": 1}}, "datasets: 'x/y'" + NAME, "choose another name"),
    ("a task's data set is unknown", "tasks.0.dataset", "../digits", "tasks: task 'a' needs a dataset out of digits, not '../digits'", "name one of those listed"),
    ("a source is unknown", "datasets.digits.source", "zip", "datasets.digits.source: 'zip' is not one of ['digits', …]", "use one of those listed"),
    ("groups of a set that has none", "datasets.digits.groups", ["a"], "datasets.digits.groups: digits has no groups: remove it", "remove the key"),
    ("digits with three channels", "datasets.digits.channels", 3, "datasets.digits.channels: images of digits have 1, not 3: set it to 1", "set channels: 1"),
    ("two channels", "datasets.digits.channels", 2, "datasets.digits.channels: 2 is not one of [1, 3]", "use 1 or 3"),
    ("a seed no generator takes", "datasets.digits.seed", 2**33, "datasets.digits.seed: 8589934592 is greater than the maximum of 4294967295", "use a smaller one"),
    ("a task with one class", "tasks.0.classes", [0], "tasks.0.classes: 1 given, at least 2 needed", "add a class"),
    ("a class is listed twice", "tasks.0.classes", [0, 0], "tasks.0.classes: [0, 0] has non-unique elements", "list it once"),
    ("a class is listed twice, as text and number", "tasks.0.classes", [1, "1"], "tasks: task 'a' lists a class twice", "list it once"),
    ("a digit that is none", "tasks.0.classes", [0, 77], "tasks: digits has no class '77' (task 'a'); did you mean '7'?", "use 0 to 9"),
    ("two tasks with a class in common", "tasks.1.classes", [1, 2], "tasks: 'a' and 'b' both have 1 of digits: change one of them, or set overlapping_classes: true", "change one, or allow it"),
    ("a draw that says nothing", "tasks.0.draw", {"seed": "shared"}, "tasks: draw of task 'a' needs train and validation, or percent or shuffled_validation instead of them", "say how many"),
    ("a draw that counts twice", "tasks.0.draw", {"train": 5, "percent": 4}, "tasks: draw of task 'a' needs train and validation, or percent or shuffled_validation instead of them", "keep one of them"),
    ("a draw of no image", "tasks.0.draw", {"train": 0}, "tasks.0.draw.train: 0 is less than the minimum of 1", "draw at least one"),
    ("a percentage of other images than CIFAR-100's", "datasets.digits.draw", {"percent": 4}, "datasets.digits: draw of the data set: percent counts CIFAR-100, give train and validation", "give train and validation"),
    ("a percentage that LASEM does not have", "datasets.digits.draw", {"percent": 5}, "datasets.digits.draw.percent: 5 is not one of [2, 4, …]", "use one of those listed"),
    ("a way to normalise that is unknown", "datasets.digits.normalise", "test", "datasets.digits.normalise: 'test' is not one of ['train', 'own_split']", "use one of those listed"),
    ("a data set's mean without its std", "datasets.digits.mean", [0.5], "datasets.digits: the data set needs both mean and std", "give both or none"),
    ("a mean, and a way to normalise", "tasks.0", {"name": "a", "classes": [0, 1], "mean": [0.5], "std": [0.5], "normalise": "train"}, "tasks: task 'a' has mean and std, and normalise too: keep one of them", "keep one of them"),
    ("noise of negative width", "tasks.0.noise", {"mean": 0.0, "std": -0.1}, "tasks.0.noise.std: -0.1 is less than the minimum of 0", "use 0 for none"),
    ("noise without its width", "tasks.0.noise", {"mean": 0.1}, "tasks.0.noise: 'std' is a required property", "add it"),
    ("an order of channels that leaves one out", "tasks.0.channel_order", [1], "tasks: channel_order of task 'a' has to list 0, each once", "list each channel once"),
    ("a class called no, which YAML reads as false", "tasks.0.classes", [0, False], "tasks.0.classes.1: False is not of type 'string', 'integer'; put it in quotes to make a text of it", "put it in quotes"),
    ("a loss is unknown", "tasks.0.loss", {"kind": "hinge"}, "tasks.0.loss.kind: 'hinge' is not one of ['cross_entropy', …]", "use one of those listed"),
    ("a loss with another's setting", "tasks.0.loss", {"kind": "weighted", "margin": 4}, "tasks: the loss of task 'a', weighted, has no setting 'margin': remove it", "remove it"),
    ("a loss with too few numbers", "tasks.0.loss", {"kind": "expectation", "values": [1, 2, 3]}, "tasks: the loss of task 'a' has 3 values for 2 classes: give one for each", "give one per class"),
    ("a loss with a number for no class", "tasks.0.loss", {"kind": "expectation", "values": {"0": 1, "7": 2}}, "tasks: the loss of task 'a': values: '1' has no number; its classes are 0, 1", "give every class of the task its number"),
    ("an expected value without its classes' values", "tasks.0.loss", {"kind": "expectation"}, "tasks: the loss of task 'a' needs values, a number for every class", "add values"),
    ("digits to be aligned", "datasets.digits.align", {"preset": "facenet_160"}, "datasets.digits.align: it is for face sets alone: remove it", "remove it"),
    ("faces that are neither aligned nor to be", "datasets.digits", {"source": "identity_folders", "root": "people", "image_size": 32}, "datasets.digits: set align, to find and cut out faces, or prealigned: true, not both", "set one of them"),
    ("a fold that Adience does not have", "datasets.digits", {"source": "adience", "root": "adience", "labels": "age", "fold": 5, "prealigned": True, "image_size": 32}, "datasets.digits.fold: adience has folds 0 to 4", "use one of those"),
    ("Oulu-CASIA to be aligned", "datasets.digits", {"source": "oulu_casia", "root": "oulu", "labels": "identity", "fold": 5, "align": {"preset": "facenet_160"}}, "datasets.digits.align: oulu_casia is read as faces that were cut out: set prealigned: true instead", "set prealigned"),
    ("Adience without a fold to test on", "datasets.digits", {"source": "adience", "root": "adience", "labels": "age", "prealigned": True, "image_size": 32}, "datasets.digits.fold: adience needs it: set it", "set fold to 0, 1, 2, 3 or 4"),
    ("pairs in a set that has none", "tasks.0.pairs", {"dataset": "digits"}, "tasks: pairs of task 'a': 'digits' is no data set of pairs (lfw, oulu_casia_pairs, ckplus_pairs): name one", "name a set of such a source"),
    ("a goal for an unknown task", "goals.given", {"z": 0.5}, "goals.given: there is no task 'z'", "correct the task's name"),
    ("a goal above 1", "goals.given.a", 97.1, "goals.given.a: 97.1 is greater than the maximum of 1", "give accuracies in [0, 1]"),
    ("a task without the goal that policy: given needs", "goals.given", {"a": 0.5}, "goals.given: no goal for task 'b'", "add its goal"),
    ("a goal for an unknown task, for one method", "method_settings.cpg.goals", {"given": {"z": 1}}, "goals.given: there is no task 'z'", "correct the task's name"),
    ("a ratio of 1", "prune.ratios", [0.5, 1.0], "prune.ratios.1: 1.0 is greater than or equal to the maximum of 1", "stay below 1"),
    ("a ratio of 0", "prune.ratios", [0.0], "prune.ratios.0: 0.0 is less than or equal to the minimum of 0", "stay above 0"),
    ("ratios out of order", "prune.ratios", [0.5, 0.1], "prune.ratios (cpg): give them in rising order", "sort them"),
    ("a density of 0", "picking.density", 0, "picking.density: 0 is less than or equal to the minimum of 0", "stay above 0"),
    ("a density above 1", "picking.density", 1.5, "picking.density: 1.5 is greater than the maximum of 1", "use at most 1"),
    ("an optimiser is unknown", "recipe.optimiser", "sgdm", "recipe.optimiser: 'sgdm' is not one of ['sgd', 'adam', 'rmsprop']", "use one of those listed"),
    ("pixels of digits scrambled as published", "datasets.digits.pixel_order", "published", "datasets.digits.pixel_order: programs scramble CIFAR-100 alone, not digits: remove it", "remove the key"),
    ("ratios too close for names of files", "prune.ratios", [0.1, 0.1 + 1e-9], "prune.ratios (cpg): two of them agree in six digits, drop one", "drop one"),
    ("a task's own ratio is no rung", "tasks.0.ratio", 0.33, "tasks: ratio 0.33 of task 'a' is not a rung of prune.ratios (cpg): [0.6]", "add it to prune.ratios"),
    ("negative epochs", "train.epochs", -1, "train.epochs: -1 is less than the minimum of 1", "give a positive number"),
    ("epochs with a point", "train.epochs", 10.0, "train.epochs: 10.0 is not of type 'integer'; write 10", "write 10"),
    ("a number without a point before its exponent", "train.lr", "1e-3", "train.lr: '1e-3' is not of type 'number'; write 0.001 so that YAML reads a number", "write 0.001"),
    ("a number that is none", "train.lr", float("nan"), "train.lr: nan is no number to compute with", "give a number"),
    ("a cap below 1", "expand.cap", 0.5, "expand.cap: 0.5 is less than the minimum of 1", "use 1 for no growth"),
    ("steps of growth that never reach the cap", "expand.step", 1e-12, "expand.step: 1e-12 is less than the minimum of 0.01", "take larger steps"),
    ("padding larger than memory", "recipe.crop_padding", 10**9, "recipe.crop_padding: 1000000000 is greater than the maximum of 1024", "pad by a few pixels"),
    ("no seeds", "seeds", [], "seeds: …", "give at least one"),
    ("a seed twice", "seeds", [0, 0], "seeds: [0, 0] has non-unique elements", "list it once"),
    ("a network too deep for the images", "network.name", "vgg16_bn", "network.name: vgg16_bn needs images of at least 32x32 pixels, not 8 (dataset digits)", "use small_cnn, or larger images"),
    ("parts of images that shrink the wrong way", "recipe.resized_crop", {"scale": [0.9, 0.1]}, "recipe.resized_crop.scale (…): 0.9 is more than 0.1, give the smaller one first", "exchange them"),
    ("a quality of pixels", "datasets.digits", {"source": "image_folder", "root": "raw", "image_size": 8, "quality": 80}, "datasets.digits.quality: it is of JPEGs: set store: jpeg, or remove it", "set store: jpeg"),
    ("JPEGs of a set that has one size", "datasets.digits.store", "jpeg", "datasets.digits.store: it is for photographs of any size, not digits: remove it", "remove it"),
    ("a set of torchvision without its name", "datasets.digits", {"source": "torchvision", "root": "raw", "image_size": 28}, "datasets.digits.name: say which set of torchvision, such as FashionMNIST", "set name"),
    ("a set that torchvision does not have", "datasets.digits", {"source": "torchvision", "name": "FashonMNIST", "root": "raw", "image_size": 28}, "datasets.digits.name: torchvision has no set 'FashonMNIST'; did you mean 'FashionMNIST'?", "correct its name"),
    ("a name of a set of another source", "datasets.digits.name", "MNIST", "datasets.digits.name: it is for source torchvision alone: remove it", "remove it"),
    ("a crop larger than the images", "tasks.0.crop", 9, "tasks: crop of task 'a' is 9, but its images have 8 pixels: lower it", "lower it"),
    ("a mean without std", "tasks.0.mean", [0.5], "tasks: task 'a' needs both mean and std", "give both or none"),
    ("published accuracies that are not there", "published", "none.csv", "published: none.csv cannot be read: No such file or directory", "correct the path"),
    ("published accuracies without the columns", "published", "config.yaml", "published: config.yaml has no column 'method': add it", "name a CSV with method, task, accuracy_percent"),
]  # fmt: skip
# what is wrong | text in place of the configuration | what comes after "config.yaml" | what to do
_FILES: list[tuple[str, bytes, str, str]] = [
    ("an empty file", b"", " must be a mapping of keys to values", "write keys with values"),
    ("a list", b"- a\n", " must be a mapping of keys to values", "write keys with values"),
    ("no YAML", b"a: [1", " is not valid YAML: …", "mend the line it names"),
    ("not UTF-8", b"\xff\xfe\0a", " is not valid YAML: …", "save it as UTF-8"),
    ("a date that does not exist", b"a: 2020-13-45", " is not valid YAML: …", "put it in quotes"),
    ("a tag that would run code", b"a: !!python/object/apply:os.system ['touch pwned']\n", " is not valid YAML: could not determine a constructor for the tag …", "write plain values"),
    ("a key twice", b"seeds: [0]\nseeds: [1]\n", ": key 'seeds' is given twice, again in line 2; keep one of them", "keep one of them"),
    ("a name that YAML reads as an octal number", b"tasks:\n- {name: a, classes: [010, 011]}\n", ": line 2: YAML reads 010 as the number 8; put it in quotes if it is a name, else write 8", "put it in quotes"),
    ("a name that YAML reads as minutes and seconds", b"tasks:\n- {name: a, classes: [1:30, 2:30]}\n", ": line 2: YAML reads 1:30 as the number 90; put it in quotes if it is a name, else write 90", "put it in quotes"),
    ("a key twice, further in", b"train: {lr: 0.1, epochs: 1, lr: 0.2}\n", ": key 'lr' is given twice, again in line 1; keep one of them", "keep one of them"),
    ("brackets without end", b"a: " + b"[" * 3000, " is nested too deeply: write it flatter", "write it flatter"),
]  # fmt: skip


# what is wrong | text of the CSV | what comes after "config key " | what to do
_PUBLISHED: list[tuple[str, bytes, str, str]] = [
    ("is empty", b"", "published: p.csv has no column 'method': add it", "name a CSV with method, task, accuracy_percent"),
    ("is not UTF-8", b"\xff\xfe", "published: p.csv is not a CSV file in UTF-8: …", "save it as UTF-8"),
    ("has a text for a number", b"method,task,accuracy_percent\nPAE,a,x\n", "published: p.csv, line 2: 'x' is no percentage", "give a number"),
    ("has a gap as pandas writes it", b"method,task,accuracy_percent\nPAE,a,nan\n", "published: p.csv, line 2: 'nan' is no percentage", "leave the line out"),
    ("has a line cut short", b"method,task,accuracy_percent\nPAE,a\n", "published: p.csv, line 2: None is no percentage", "complete it"),
    ("has averages without how many tasks they are of", b"method,task,tasks,accuracy_percent\nPAE,average,,50\n", "published: p.csv, line 2: '' is no number of tasks", "give it"),
    ("has a task twice", b"method,task,accuracy_percent\nPAE,a,1\nPAE,a,2\n", "published: p.csv, line 3: PAE on a is there twice", "drop one"),
    ("is about scrambled pixels", b"method,task,accuracy_percent,pixel_order\nPAE,a,50,published\n", "published: p.csv is about pixel_order published, and datasets have correct: its numbers cannot stand beside these; remove published", "remove published, or set pixel_order"),
    ("lacks the CPG row", b"method,task,accuracy_percent\nCPG,a,50\n", "published_cpg_row: p.csv has no method 'CPG max'; it has CPG", "add it, or set published_cpg_row"),
]  # fmt: skip


def _published(content: bytes) -> Make:
    def make(folder: Path) -> None:
        edited("published", "p.csv")(folder)
        (folder / "p.csv").write_bytes(content)

    return make


def bytes_of(content: bytes) -> Make:
    return lambda folder: (folder / "config.yaml").write_bytes(content) and None


def _file(name: str, content: bytes) -> Make:
    return lambda folder: (folder / name).write_bytes(content) and None


def _circle(folder: Path) -> None:
    (folder / "config.yaml").write_text("tasks: &a [*a]\n")


def _bomb(folder: Path) -> None:
    """Eight lines that stand for nine to the power of eight values."""
    lines = ["a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 8)]
    (folder / "config.yaml").write_text("\n".join(lines))


def _number_as_key(folder: Path) -> None:
    (folder / "config.yaml").write_text(yaml.safe_dump(CONFIG) + "1: b\n")


def _cifar(task: dict[str, Any], **more: Any) -> Make:
    config = IMAGES | {"datasets": {"cifar": {"source": "cifar100", "root": "raw", **more}}}
    return edited("tasks", [{"name": "a", **task}], config)


_people2 = _cifar({"group": "people2"})
_few_percent = _cifar({"classes": list(GROUP_OF)[:25]}, draw={"percent": 2})

_TWO_OUTPUTS = CONFIG | {"network": {"name": "small_cnn", "head_outputs": 2}}

CASES = [
    *(Case(wrong, f"config key {says}", do, edited(key, value)) for wrong, key, value, says, do in _KEYS),
    *(Case(f"the published CSV {wrong}", f"config key {says}", do, _published(text)) for wrong, text, says, do in _PUBLISHED),
    Case("fewer outputs than classes", "config key network.head_outputs: task 'a' has 3 classes: raise it", "raise it", edited("tasks.0.classes", [0, 1, 7], _TWO_OUTPUTS)),
    Case("spare outputs under a loss that counts classes", "config key network.head_outputs: task 'a' has a loss that counts its classes: remove one", "remove one", edited("tasks.0.loss", {"kind": "weighted"}, _TWO_OUTPUTS)),
    Case("a section is misspelt", "config: there is no key 'trian'; did you mean 'train'?", "correct it", edited("trian", {})),
    Case("no experiment", "config: 'experiment' is a required property", "name it", bytes_of(b"methods: [cpg]\ndatasets: {d: {source: digits}}\ntasks: [{name: a}]")),
    Case("a key is a number", "config: put 1 in quotes, keys are texts", "put it in quotes", _number_as_key),
    Case("an image folder that results would lie in", "config key datasets.shapes.root: results would lie among the images of .: run in a folder beside or above it, and name it as seen from there", "do that", edited("datasets.shapes.root", ".", IMAGES)),
    Case("an image folder without root", "config key datasets.shapes.root: say where the images lie", "set root", edited("datasets.shapes.root", None, IMAGES)),
    Case("an image folder without a size", "config key datasets.shapes.image_size: pictures need one size", "set image_size", edited("datasets.shapes.image_size", None, IMAGES)),
    Case("Office-Home without a size", "config key datasets.shapes.image_size: pictures need one size", "set image_size", edited("datasets.shapes", {"source": "office_home", "root": "raw"}, IMAGES)),
    Case("STL-10 in another size", "config key datasets.shapes.image_size: STL-10 is 96 pixels wide: remove it", "remove it", edited("datasets.shapes", {"source": "stl10", "root": "raw", "image_size": 64}, IMAGES)),
    Case("a class that STL-10 does not have", "config key tasks: STL-10 has no class 'dark' (task 'a'); it has airplane, …", "correct its name", edited("datasets.shapes", {"source": "stl10", "root": "raw"}, IMAGES)),
    Case("a group that CIFAR-100 does not have", "config key tasks: CIFAR-100 has no group 'people2' (task 'a'); did you mean 'people'?", "correct its name", _people2),
    Case("a percentage too small for the classes of a task", "config key tasks: task 'a': draw.percent 2 is 20 validation images per task, too few for 25 classes: raise it, or give train and validation", "raise it", _few_percent),
    *(Case(f"config.yaml: {wrong}", f"config.yaml{says}", do, bytes_of(text)) for wrong, text, says, do in _FILES),
    Case("config.yaml: anchors in a circle", "config key tasks…: too many values, or anchors that lead in a circle", "write the values out", _circle),
    Case("config.yaml: anchors that multiply", "config key …: too many values, or anchors that lead in a circle", "write the values out", _bomb),
    Case("a --configfile with tasks of its own and no name", "config key experiment: who names datasets or tasks has an experiment of their own, and takes nothing from config.yaml: name it, such as experiment: mine", "give it a name", _file("mine.yaml", b"tasks: [{name: a, classes: [0, 1]}]\n"), ("run", "--configfile", "mine.yaml")),
    Case("config.yaml is missing", "cannot read config.yaml: No such file or directory", "change to its folder, or give --configfile", lambda folder: (folder / "config.yaml").unlink()),
    Case("a file of results after --configfile", f"argument --configfile: 'results/tiny/tables/summary.csv' {NOT_CONFIGURATION}", "name it first", lambda folder: None, ("stage", "--configfile", "config.yaml", "results/tiny/tables/summary.csv"), 2),
    Case("a folder of results after --configfile", f"argument --configfile: 'results/tiny' {NOT_CONFIGURATION}", "name it first", lambda folder: None, ("verify", "--configfile", "config.yaml", "results/tiny"), 2),
    Case("a --configfile is a folder", f"argument --configfile: '.' {NOT_CONFIGURATION}", "name a file", lambda folder: None, ("run", "--configfile", "."), 2),
]  # fmt: skip
