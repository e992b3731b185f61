"""Do separate networks (stl) learn what the recipe of LASEM learns when it is written plainly?

    LIFELONG_DATA=FOLDER python benchmarks/plain_stl.py

The first two tasks of experiments/lasem_cifar100_small.yaml, every seed with 170 + 30 images of its
own. `ours` is the test accuracy of `lifelong run` with method stl. `plain` is that of a network
trained on the same images by the few lines below, which are written from the paper's recipe with
torch's modules and nothing of `lifelong` but the list of the images: 3 x 3 convolutions of 32, 32,
64 and 64 channels, dropout before 64 hidden units, RMSProp as in TensorFlow 1, each split
normalised by its own statistics. First values and order of the images are other ones, so single
rows differ; in the mean over seeds they must not. The last row of a task holds the means; `spread`
is the sample deviation of `ours`, of `plain` and of their differences over seeds.
Target: the mean difference is at most 0.03 on each task.
"""

import contextlib
import os
import statistics
import tempfile
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml
from PIL import Image
from table import Row, arguments, machine, publish
from torch import Tensor, nn
from torch.nn import functional
from tqdm import tqdm

from lifelong.data.splits import SPLITS
from lifelong.data.tasks import load_arrays
from lifelong.jobs.driver import run_experiment
from lifelong.plan.config import check
from lifelong.plan.plan import Plan
from lifelong.plan.stage import Key, Stage
from lifelong.records.rows import read
from lifelong.train.device import prepare

EXPERIMENT = Path(__file__).parents[1] / "experiments" / "lasem_cifar100_small.yaml"
TASKS, TARGET = 2, 0.03
CHANNELS, POOLS, HIDDEN, BIAS, STD = (32, 32, 64, 64), (1, 2, 1, 2), 64, 0.2, 0.05


def plan_of(seeds: list[int], root: Path, epochs: int | None) -> Plan:
    """The small experiment with stl alone, of its first tasks; `epochs` None: as many as there."""
    config: dict[str, Any] = yaml.safe_load(EXPERIMENT.read_text())
    epochs = epochs or config["layers"]["epochs"]
    config["layers"] |= {"epochs": epochs, "eval_every": epochs}
    config |= {"methods": ["stl"], "seeds": seeds, "tasks": config["tasks"][:TASKS]}
    config["datasets"]["cifar100"]["root"] = str(root)
    del config["variants"], config["method_settings"]
    return Plan(check(config))


def images_of(stage: Stage) -> dict[str, tuple[Tensor, Tensor]]:
    """(N, 3, 32, 32), mean 0 and deviation 1 per channel, and labels, of each split of a task."""
    found = load_arrays(Path(stage.input("pack")), stage.spec.data)
    splits = {}
    for index, name in enumerate(SPLITS):
        mine = found.split == index
        pixels = found.images[mine] / 255
        mean, std = (of(pixels, axis=(0, 2, 3), keepdims=True) for of in (np.mean, np.std))
        x, y = (pixels - mean) / std, found.labels[mine]
        splits[name] = torch.from_numpy(x).float(), torch.from_numpy(y).long()
    return splits


def network(side: int, classes: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    entering = 3
    for channels, pool in zip(CHANNELS, POOLS, strict=True):
        layers += [nn.Conv2d(entering, channels, 3, padding=1), nn.ReLU(), nn.MaxPool2d(pool)]
        entering, side = channels, side // pool
    layers += [nn.Flatten(), nn.Dropout(0.5), nn.Linear(entering * side**2, HIDDEN), nn.ReLU()]
    found = nn.Sequential(*layers, nn.Linear(HIDDEN, classes))
    for name, tensor in found.named_parameters():
        if name.endswith("bias"):
            nn.init.constant_(tensor, BIAS)
        else:
            nn.init.trunc_normal_(tensor, std=STD, a=-2 * STD, b=2 * STD)
    return found


def plain(splits: dict[str, tuple[Tensor, Tensor]], training: dict[str, Any], before: int) -> float:
    """The test accuracy after `epochs`, `before` of which other tasks had already."""
    x, y = splits["train"]
    net = network(x.shape[-1], int(y.max()) + 1)
    weights = list(net.parameters())
    squares = [torch.ones_like(weight) for weight in weights]
    size = training["batch_size"]
    for epoch in range(training["epochs"]):
        rate = training["lr"] / (1 + training["decay"] * (before + epoch))
        order = torch.randperm(len(x))
        for first in range(0, len(x) - size + 1, size):
            rows = order[first : first + size]
            loss = functional.cross_entropy(net(x[rows]), y[rows])
            gradients = torch.autograd.grad(loss, weights)
            with torch.no_grad():
                for weight, square, gradient in zip(weights, squares, gradients, strict=True):
                    square.mul_(0.9).add_(0.1 * gradient**2)
                    weight -= rate * gradient / (square + 1e-10).sqrt()
    net.eval()
    x, y = splits["test"]
    with torch.no_grad():
        return float((net(x).argmax(1) == y).double().mean())


def compare(plan: Plan, seed: int, position: int) -> Row:
    """One task of one seed, both ways."""
    infer = plan.stage(Key("infer", "stl", seed, position))
    rows = read(Path(infer.path("record.csv")))
    ours = next(r.value for r in rows if r.metric == "accuracy" and r.on_task == r.task)
    train = plan.stage(Key("train", "stl", seed, position))
    training = train.spec.training
    torch.manual_seed(seed * TASKS + position)
    theirs = plain(images_of(train), training, (position - 1) * training["epochs"])
    return row_of(train.spec.task, str(seed), ours, theirs)


def row_of(task: str, seed: str, ours: float, theirs: float) -> Row:
    row: Row = {"task": task, "seed": seed, "ours": round(ours, 4), "plain": round(theirs, 4)}
    return row | {"difference": round(ours - theirs, 4), "target": "", "met": ""}


def over_seeds(rows: list[Row]) -> list[Row]:
    """A row of the means of a task's rows, and one of their deviations."""
    columns = ("ours", "plain", "difference")
    mean, spread = (
        {name: round(of([row[name] for row in rows]), 4) for name in columns}
        for of in (statistics.mean, statistics.stdev)
    )
    met = "yes" if abs(mean["difference"]) <= TARGET else "no"
    given = {"target": TARGET, "met": met}
    first: Row = {"task": rows[0]["task"], "seed": "mean", **mean, **given}
    return [first, {"task": rows[0]["task"], "seed": "spread", **spread, "target": "", "met": ""}]


def toy_tree(folder: Path) -> Path:
    """The classes of the tasks, 40 + 10 pictures of noise each, in the folders of CIFAR-100."""
    random = np.random.default_rng(0)
    tasks = yaml.safe_load(EXPERIMENT.read_text())["tasks"][:TASKS]
    for name in (name for task in tasks for name in task["classes"]):
        for split, count in (("train", 40), ("test", 10)):
            place = folder / split / "all" / name
            place.mkdir(parents=True)
            for index in range(count):
                pixels = random.integers(256, size=(32, 32, 3), dtype=np.uint8)
                Image.fromarray(pixels).save(place / f"{index:03}.png")
    return folder


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--seeds", type=int, default=10, help="how many sets of images")
    options = parser.parse_args()
    given = os.environ.get("LIFELONG_DATA")
    if not given and not options.quick:
        parser.error("LIFELONG_DATA must name the folder that holds cifar100_org")
    prepare(threads=1)
    facts = machine() | {"threads": 1}
    seeds = list(range(2 if options.quick else options.seeds))
    with tempfile.TemporaryDirectory() as place:
        real = Path(given or "") / "cifar100_org"
        tree = toy_tree(Path(place) / "tree") if options.quick else real
        plan = plan_of(seeds, tree.resolve(), 1 if options.quick else None)
        with contextlib.chdir(place):
            run_experiment(plan)
            work = partial(compare, plan)
            pairs = [(seed, task) for task in range(1, TASKS + 1) for seed in seeds]
            found = [work(*pair) for pair in tqdm(pairs, desc="plain")]
    rows: list[Row] = []
    for first in range(0, len(found), len(seeds)):
        rows += found[first : first + len(seeds)] + over_seeds(found[first : first + len(seeds)])
    publish("plain_stl", rows, facts, options.out)


if __name__ == "__main__":
    main()
