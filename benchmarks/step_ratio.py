"""What masks cost: CPU time of one training step with them, relative to the step without.

VGG16-BN on random 32x32 images, batch 32, five classes. All variants are stepped in turn in one
process with one thread, so that what else the machine does hits them alike; a ratio is the median
over rounds of (variant / plain of the same round), `cpu_ms` the median of time.process_time.
Plain is the same network with fused SGD and no mask in sight. Older tasks own half the weights.

  plain              no masks, weight decay on the same weights as ours
  first              task 1: it owns every weight
  first pruned       task 1 with half of its weights released
  later picking      task 2 while its picking masks are trained
  later compiled     the same with `recipe.update: compiled`
  later frozen       task 2 once its picking masks stay as they are
  textbook           as `later picking`, written as in the papers: W * 1[R > tau] inside forward,
                     masks on both gradients

Targets, at channels 1.0, in TARGETS.
"""

import statistics
import time
from collections.abc import Callable

import torch
from steps import Ours, Plain, Textbook
from synthetic import CLASSES, card
from table import Row, arguments, figure, machine, publish
from torch import Tensor

from lifelong.masks.learner import Learner
from lifelong.masks.model import Model
from lifelong.nets.build import memory_format
from lifelong.train.device import prepare

BATCH, OLDER_SHARE = 32, 0.5
TARGETS = {  # times plain, at channels 1.0
    "first": 1.02,
    "first pruned": 1.05,
    "later picking": 1.25,
    "later compiled": 1.12,
    "later frozen": 1.05,
}
WARM_UPS = 2


def older(channels: float) -> Model:
    """A model whose one task owns half of the weights."""
    learner, model = Learner(Model(), card(1, channels), seed=1), Model()
    learner.prune_to(1 - OLDER_SHARE)
    model.add(learner.shard())
    return model


def variants(channels: float) -> dict[str, Plain | Ours | Textbook]:
    """All steps by name, plain first."""
    model = older(channels)
    pruned = Learner(Model(), card(1, channels), seed=1)
    pruned.prune_to(1 - OLDER_SHARE)
    frozen = Learner(model, card(2, channels), seed=2)
    frozen.start_scores()
    frozen.freeze_scores()
    return {
        "plain": Plain(Learner(Model(), card(1, channels), seed=1).network),
        "first": Ours(Learner(Model(), card(1, channels), seed=1), picking=False),
        "first pruned": Ours(pruned, picking=False),
        "later picking": Ours(Learner(model, card(2, channels), seed=2), picking=True),
        "later compiled": Ours(
            Learner(model, card(2, channels), seed=2), picking=True, update="compiled"
        ),
        "later frozen": Ours(frozen, picking=False),
        "textbook": Textbook(Learner(model, card(2, channels), seed=2)),
    }


def measure(channels: float, rounds: int) -> list[Row]:
    """One row per variant."""
    steps = variants(channels)
    form = memory_format(steps["plain"].network, "cpu")  # type: ignore[union-attr]
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(BATCH, 3, 32, 32, generator=generator).to(memory_format=form)
    y = torch.randint(CLASSES, (BATCH,), generator=generator)
    stepped = {name: variant.step for name, variant in steps.items()}
    counted = in_turn(stepped, x, y, rounds)
    return [
        row_of(name, channels, times, counted["plain"], TARGETS) for name, times in counted.items()
    ]


def in_turn(
    steps: dict[str, Callable[[Tensor, Tensor], None]], x: Tensor, y: Tensor, rounds: int
) -> dict[str, list[float]]:
    """The milliseconds of CPU time of every step, one of each per round, warm-ups left out."""
    spent: dict[str, list[float]] = {name: [] for name in steps}
    for _ in range(WARM_UPS + rounds):
        for name, step in steps.items():
            spent[name].append(cpu_ms(step, x, y))
    return {name: times[WARM_UPS:] for name, times in spent.items()}


def cpu_ms(step: Callable[[Tensor, Tensor], None], x: Tensor, y: Tensor) -> float:
    """The milliseconds of CPU time of one step."""
    started = time.process_time()
    step(x, y)
    return (time.process_time() - started) * 1000


def row_of(
    name: str, channels: float, times: list[float], plain: list[float], targets: dict[str, float]
) -> Row:
    """What a variant took, and how much of what plain steps took."""
    ratios = [one / base for one, base in zip(times, plain, strict=True)]
    ratio, target = statistics.median(ratios), targets.get(name, "") if channels == 1.0 else ""
    return {
        "variant": name,
        "channels": channels,
        "cpu_ms": figure(statistics.median(times), 1),
        "ratio": figure(ratio, 3),
        "ratio_min": figure(min(ratios), 3),
        "ratio_max": figure(max(ratios), 3),
        "target": target,
        "met": "" if target == "" else "yes" if ratio <= target else "no",
        "steps": len(times),
    }


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--channels", type=float, nargs="+", default=[0.25, 1.0])
    parser.add_argument("--rounds", type=int, default=8, help="at channels 1.0; narrower: more")
    options = parser.parse_args()
    if options.quick:
        options.channels, options.rounds = [0.0625], 0.125
    facts = machine() | {"threads": 1, "batch": BATCH}
    prepare(threads=1)
    rows = [row for c in options.channels for row in measure(c, round(options.rounds / c))]
    publish("step_ratio", rows, facts, options.out)


if __name__ == "__main__":
    main()
