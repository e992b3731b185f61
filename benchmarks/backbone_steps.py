"""What masks cost a training step of the networks for photographs, relative to one without.

ResNet-50 and EfficientNet-Lite0 on random images, five classes, as `step_ratio.py` measures VGG16:
all variants in turn in one process with one thread, ratios of the same round.

  plain          no masks
  first          task 1 without pretrained weights: it owns every weight
  later picking  a task on older weights, half of the network, while its masks are trained
  later frozen   the same once its picks stay as they are
"""

from dataclasses import replace

import torch
from step_ratio import in_turn, row_of
from steps import Ours, Plain
from synthetic import CLASSES, card
from table import Row, arguments, machine, publish

from lifelong.masks.learner import Learner
from lifelong.masks.model import Model
from lifelong.nets.build import memory_format
from lifelong.plan.card import Card
from lifelong.train.device import prepare

NETWORKS = ("resnet50", "efficientnet_lite0")
TARGETS = {"first": 1.05, "later picking": 1.15, "later frozen": 1.15}  # times plain


def card_of(network: str, position: int, channels: float, side: int) -> Card:
    return replace(card(position, channels), network=network, image_size=side)


def measure(network: str, channels: float, side: int, batch: int, rounds: int) -> list[Row]:
    """One row per variant."""
    first, second = (card_of(network, position, channels, side) for position in (1, 2))
    before, model = Learner(Model(), first, seed=1), Model()
    before.prune_to(0.5)
    model.add(before.shard())
    frozen = Learner(model, second, seed=2)
    frozen.start_scores()
    frozen.freeze_scores()
    plain = Plain(Learner(Model(), first, seed=1).network)
    steps = {
        "plain": plain.step,
        "first": Ours(Learner(Model(), first, seed=1), picking=False).step,
        "later picking": Ours(Learner(model, second, seed=2), picking=True).step,
        "later frozen": Ours(frozen, picking=False).step,
    }
    random = torch.Generator().manual_seed(0)
    x = torch.randn(batch, 3, side, side, generator=random)
    x = x.to(memory_format=memory_format(plain.network, "cpu"))
    y = torch.randint(CLASSES, (batch,), generator=random)
    counted = in_turn(steps, x, y, rounds)
    rows = [row_of(one, channels, t, counted["plain"], TARGETS) for one, t in counted.items()]
    return [{"network": network, **row} for row in rows]


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--side", type=int, default=96, help="of the images, in pixels")
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=6)
    options = parser.parse_args()
    channels = 1.0
    if options.quick:
        channels, options.side, options.batch, options.rounds = 0.0625, 32, 2, 1
    facts = machine() | {"threads": 1, "batch": options.batch, "side": options.side}
    prepare(threads=1)
    rows = []
    for network in NETWORKS:
        rows += measure(network, channels, options.side, options.batch, options.rounds)
    publish("backbone_steps", rows, facts, options.out)


if __name__ == "__main__":
    main()
