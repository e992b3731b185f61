"""What learning two tasks together costs: CPU time of one step, relative to a step of one task.

VGG16-BN on random 32x32 images, 32 of each task, five classes. All variants are stepped in turn in
one process with one thread; a ratio is the median over rounds of (variant / plain of the same
round). Plain is the same network with fused SGD, one task and one head.

  plain          one task
  joint          two tasks with labels for the same images, which pass the trunk once
  dynamic        the same with dynamic weights
  own images     two tasks with images of their own: one pass of twice as many
  gradnorm, pcgrad    as `joint`, with what these methods ask for

Targets, times plain at channels 0.25, in TARGETS: the trunk counts once, dynamic weights cost at
most 2 % of the step.
"""

import torch
from step_ratio import in_turn, row_of
from steps import Plain
from synthetic import CLASSES, card
from table import Row, arguments, machine, publish
from torch import Tensor

from lifelong.joint.learner import LessonLearner
from lifelong.joint.weighting import Start
from lifelong.masks.learner import Learner
from lifelong.masks.model import Model
from lifelong.optim.phase import Phase
from lifelong.plan.code import load
from lifelong.plan.methods import METHODS
from lifelong.train.balance import Balance
from lifelong.train.device import prepare
from lifelong.train.lesson_step import LessonStep
from lifelong.train.losses import CrossEntropy

BATCH, MOST_STEPS = 32, 10_000
TARGETS = {"joint": 1.05, "dynamic": 1.07, "own images": 2.1}
OPTIONS = {
    "weights": {},
    "logit_norm": "l2",
    "scale": 1.0,
    "trunk_leak": False,
    "lr": 0.01,
    "sigma": 0.01,
    "loss_scale": "none",
    "asymmetry": 1.5,
}


class Ours:
    """The step of a lesson of two tasks; `sets` says whose images each has."""

    def __init__(self, method: str, channels: float, sets: tuple[int, int]) -> None:
        cards = [card(1, channels), card(2, channels)]
        learner = LessonLearner(cards, (1, 2), "cpu", None)
        features = learner.network.heads[0].in_features
        start = Start(("a", "b"), (CLASSES, CLASSES), int(features), OPTIONS)
        phase = Phase(epochs=1, lr=0.01)
        balance = Balance(start.tasks, MOST_STEPS)
        losses, weighting = (CrossEntropy(), CrossEntropy()), load(METHODS[method].code)(start)
        self.sets = sets
        self.one = LessonStep(learner, phase, losses, weighting, sets, balance, clip=5.0)
        self.one.begin_epoch(phase, 0)

    def step(self, x: Tensor, y: Tensor) -> None:
        self.one([x] * (max(self.sets) + 1), [y, y.flip(0)])


def measure(channels: float, rounds: int) -> list[Row]:
    """One row per variant."""
    plain = Plain(Learner(Model(), card(1, channels), seed=1).network)
    steps = {"plain": plain.step}
    for name in ("joint", "dynamic", "gradnorm", "pcgrad"):
        steps[name] = Ours(name, channels, (0, 0)).step
    steps["own images"] = Ours("joint", channels, (0, 1)).step
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(BATCH, 3, 32, 32, generator=generator)
    x = x.to(memory_format=plain.network.form)
    y = torch.randint(CLASSES, (BATCH,), generator=generator)
    counted = in_turn(steps, x, y, rounds)
    rows = [row_of(name, 1.0, times, counted["plain"], TARGETS) for name, times in counted.items()]
    return [row | {"channels": channels} for row in rows]


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--channels", type=float, default=0.25)
    parser.add_argument("--rounds", type=int, default=40)
    options = parser.parse_args()
    if options.quick:
        options.channels, options.rounds = 0.0625, 2
    facts = machine() | {"threads": 1, "batch": BATCH}
    prepare(threads=1)
    publish("joint_step", measure(options.channels, options.rounds), facts, options.out)


if __name__ == "__main__":
    main()
