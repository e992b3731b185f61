"""LASEM's prefix tree: how much faster it is than a loop over all configurations.

One training step (forward, backward, RMSProp) of LASEM-HPS on random images, batch 10, in one
thread. Variants are stepped in turn in one process, so that what else the machine does hits them
alike; `faster` is the median over rounds of (loop / tree of the same round), `cpu_ms` the median of
time.process_time.

  stl    one network without sharing
  loop   every configuration through its own network, as LASEM's code has it
  tree   each prefix of choices once (lifelong/layers/tree.py)

`mac_ratio` is the loop's multiplications in convolutions over the tree's; the target is 0.8 of it.
`times_stl` is a step over that of stl, `per_configuration` that divided by their number. `eval_ms`
is one look at the images of a task (all splits); `eval_share` the part of a run's time that looks
take at the intervals of the experiments (experiments/lasem_cifar100_10.yaml, lasem_stl10_20.yaml),
in the mean over their tasks; stl looks at the task it learns only, for the others cannot change.
Target for LASEM: at most 0.1. `eval_share_1` is the same with a look at every task every epoch.
"""

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from table import Row, arguments, figure, machine, publish
from torch import Tensor

from lifelong.data.device_split import Split
from lifelong.layers.fixed import FixedPattern
from lifelong.layers.forms import HARD
from lifelong.layers.learner import LayerLearner, LayerStart
from lifelong.layers.model import LayerModel
from lifelong.layers.network import filters_of, task_view
from lifelong.layers.part import LayerCard
from lifelong.methods.lasem import LasemLearner
from lifelong.nets.conv_stack import features
from lifelong.plan.patterns import OWN
from lifelong.plan.stacks import STACKS, Stack
from lifelong.train.device import prepare
from lifelong.train.evaluate import logits
from lifelong.train.layer_step import LayerStep

BATCH, TARGET, SHARE_TARGET, WARM_UPS = 10, 0.8, 0.1, 1
LASEM = {
    "likelihood": "mean",
    "first": "search",
    "search": 1.0,
    "likelihood_images": "training",
    "prior": "mean",
    "prior_start": 1.0,
    "fixed_posterior": {"pattern": "", "share": 1.0},
}


@dataclass(frozen=True)
class Setting:
    """The published experiment of a network; `images` are of one task, all splits.

    `own_every`, `older_every`: epochs between two looks at the task learned, and at those before.
    """

    side: int
    classes: int
    tasks: int
    steps: int
    images: int
    rounds: int
    own_every: int
    older_every: int


SETTINGS = {
    "tiny_cnn2": Setting(8, 2, 3, 10, 40, 2, 10, 100),
    "cifar_cnn4": Setting(32, 10, 10, 17, 1200, 16, 10, 100),
    "cifar_cnn6": Setting(32, 10, 10, 17, 1200, 6, 10, 100),
    "stl_cnn6": Setting(96, 3, 20, 31, 2775, 2, 10, 250),
}


class Loop(LasemLearner):
    """The same learner, one configuration after another."""

    def _features(self, x: Tensor) -> Tensor:
        found = [
            features(x, self.card.stack, filters_of(HARD, self.tensors, self.card.own, name))
            for name in self.names
        ]
        return torch.stack(found)


def card(network: str, setting: Setting, pattern: str) -> LayerCard:
    classes, options = tuple(map(str, range(setting.classes))), _options()
    return LayerCard(
        experiment="tree",
        method="lasem_hps",
        base="lasem_hps",
        seed=0,
        position=1,
        task="t1",
        classes=classes,
        network=network,
        channels=1.0,
        in_channels=3,
        image_size=setting.side,
        mean=(0.0,) * 3,
        std=(1.0,) * 3,
        lineage=(),
        pattern=pattern,
        options=options,
    )


def _options() -> dict[str, Any]:
    return {"dropout": 0.5, "groups": None, "lasem": LASEM}


def learners(network: str, setting: Setting) -> dict[str, LayerLearner]:
    """All variants by name, from the same seed."""
    model = LayerModel(partial(task_view, HARD))
    kinds: dict[str, tuple[Callable[..., LayerLearner], str]] = {
        "stl": (FixedPattern, OWN * STACKS[network].depth),
        "loop": (Loop, ""),
        "tree": (LasemLearner, ""),
    }
    return {
        name: kind(LayerStart(model, card(network, setting, pattern), 1, "cpu"), HARD)
        for name, (kind, pattern) in kinds.items()
    }


def mac_ratio(stack: Stack, in_channels: int, side: int) -> float:
    """Multiplications in convolutions of all configurations, over those of the tree."""
    entering = (side, *stack.sides(side)[:-1])
    sizes = zip(entering, stack.kernels, stack.inputs(in_channels), stack.channels, strict=True)
    macs = [s * s * k * k * i * o for s, k, i, o in sizes]
    return 2**stack.depth * sum(macs) / sum(2 ** (n + 1) * one for n, one in enumerate(macs))


def measure(network: str, rounds: int | None) -> list[Row]:
    """One row a variant."""
    setting = SETTINGS[network]
    variants = learners(network, setting)
    steps = {name: LayerStep(learner, 0) for name, learner in variants.items()}
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(BATCH, 3, setting.side, setting.side, generator=generator)
    x = x.to(memory_format=variants["tree"].network.form)
    y = torch.arange(BATCH) % setting.classes
    spent: dict[str, list[float]] = {name: [] for name in steps}
    for turn in range(WARM_UPS + (rounds or setting.rounds)):
        for name, step in steps.items():
            took = _cpu_ms(lambda step=step: step(x, y))
            if turn >= WARM_UPS:
                spent[name].append(took)
    return [_row(network, name, spent, _eval_ms(variants[name], setting)) for name in steps]


def _eval_ms(learner: LayerLearner, setting: Setting) -> float:
    images = torch.zeros(setting.images, 3, setting.side, setting.side, dtype=torch.uint8)
    split = Split(images, torch.zeros(setting.images, dtype=torch.int64))
    look = lambda: logits(learner.network, split, (0.5,) * 3, (0.25,) * 3)  # noqa: E731
    return statistics.median(_cpu_ms(look) for _ in range(3))


def _cpu_ms(work: Callable[[], object]) -> float:
    started = time.process_time()
    work()
    return (time.process_time() - started) * 1000


def _row(network: str, name: str, spent: dict[str, list[float]], eval_ms: float) -> Row:
    setting, stack = SETTINGS[network], STACKS[network]
    count = 1 if name == "stl" else 2**stack.depth
    cpu_ms = statistics.median(spent[name])
    times = statistics.median(a / b for a, b in zip(spent[name], spent["stl"], strict=True))
    row: Row = {
        "network": network,
        "variant": name,
        "configurations": count,
        "cpu_ms": figure(cpu_ms, 1),
        "steps_s": figure(1000 / cpu_ms, 1),
        "times_stl": figure(times, 2),
        "per_configuration": figure(times / count, 3),
        "faster": "",
        "mac_ratio": "",
        "target": "",
        "met": "",
    }
    if name == "tree":
        faster = statistics.median(a / b for a, b in zip(spent["loop"], spent["tree"], strict=True))
        macs = mac_ratio(stack, 3, setting.side)
        row |= {"faster": figure(faster, 2), "mac_ratio": round(macs, 2)}
        row |= {"target": round(TARGET * macs, 2), "met": _met(faster, TARGET * macs)}
    row["eval_ms"] = figure(eval_ms, 1)
    older = 0 if name == "stl" else (setting.tasks - 1) / 2
    for column, own_every, older_every in (
        ("eval_share_1", 1, 1),
        ("eval_share", setting.own_every, setting.older_every),
    ):
        looked = eval_ms * (1 / own_every + older / older_every)  # an epoch
        row[column] = figure(looked / (looked + setting.steps * cpu_ms), 3)
    row["share_met"] = _met(SHARE_TARGET, float(row["eval_share"])) if name == "tree" else ""
    return row | {"rounds": len(spent[name])}


def _met(found: float, target: float) -> str:
    return "yes" if found >= target else "no"


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--networks", nargs="+", default=list(SETTINGS)[1:], choices=[*SETTINGS])
    parser.add_argument("--rounds", type=int, help="default: as long as a minute or two takes")
    options = parser.parse_args()
    if options.quick:
        options.networks = ["tiny_cnn2"]
    facts = machine() | {"threads": 1, "batch": BATCH}
    prepare(threads=1)
    rows = [row for network in options.networks for row in measure(network, options.rounds)]
    publish("prefix_tree", rows, facts, options.out)


if __name__ == "__main__":
    main()
