"""What picks by rank cost: CPU time of a training step of WSN and SupSup, relative to a plain step.

LeNet on random 32x32 images, batch 64, five classes, Adam, one thread. All variants are stepped in
turn in one process; a ratio is the median over rounds of (variant / plain of the same round).

  plain           the same network with fused Adam and no mask in sight
  wsn first       task 1 of WSN at density 0.5: weights and scores, picks exact after every step
  wsn later       task 2, older tasks own what they picked
  supsup          scores alone, over random signed constants
  textbook        as `wsn first`, written as in the released programs: the k-th value of every
                  layer's scores in every forward pass, masks inside autograd

Targets, times plain, in TARGETS.
"""

import math
from dataclasses import replace

import torch
from step_ratio import in_turn, row_of
from synthetic import CLASSES, card
from table import Row, arguments, machine, publish
from torch import Tensor
from torch.func import functional_call
from torch.nn import functional

from lifelong.masks import Learner, Model, RankedLearner, Ranking
from lifelong.masks.layers import free_parameters, shareable
from lifelong.masks.pick import rank_of
from lifelong.nets import TaskNetwork
from lifelong.optim.phase import Phase
from lifelong.train.device import prepare
from lifelong.train.step import mask_step

BATCH, DENSITY, LR = 64, 0.5, 1e-3
TARGETS = {"wsn first": 1.35, "wsn later": 1.35, "supsup": 1.35}
PHASE = Phase(epochs=1, lr=LR, mask_lr=LR, weight_decay=0.0, optimiser="adam")


class Plain:
    """A training step that knows no masks."""

    def __init__(self, network: TaskNetwork) -> None:
        self.network = network
        weights = [layer.weight for layer in shareable(network).values()]
        self.adam = torch.optim.Adam([*weights, *free_parameters(network)], lr=LR, fused=True)

    def step(self, x: Tensor, y: Tensor) -> None:
        self.adam.zero_grad(set_to_none=True)
        functional.cross_entropy(self.network(x), y).backward()
        self.adam.step()


class Textbook:
    """WSN's step with its masks inside the forward pass."""

    def __init__(self, network: TaskNetwork) -> None:
        self.network = network
        self.layers = {name: layer.weight for name, layer in shareable(network).items()}
        self.scores = {
            name: torch.empty_like(weight)
            .uniform_(-1 / math.sqrt(weight[0].numel()), 1 / math.sqrt(weight[0].numel()))
            .requires_grad_()
            for name, weight in self.layers.items()
        }
        learned = [*self.layers.values(), *self.scores.values(), *free_parameters(network)]
        self.adam = torch.optim.Adam(learned, lr=LR, fused=True)

    def effective(self) -> dict[str, Tensor]:
        return {
            f"body.{name}.weight": weight * _Top.apply(self.scores[name].abs())
            for name, weight in self.layers.items()
        }

    def step(self, x: Tensor, y: Tensor) -> None:
        self.adam.zero_grad(set_to_none=True)
        logits = functional_call(self.network, self.effective(), (x,))
        functional.cross_entropy(logits, y).backward()
        self.adam.step()


class _Top(torch.autograd.Function):
    """1 where a size is among the largest; the gradient passes straight through."""

    @staticmethod
    def forward(ctx, sizes: Tensor) -> Tensor:  # type: ignore[no-untyped-def]
        cutoff = sizes.flatten().kthvalue(rank_of(DENSITY, sizes.numel())).values
        return (sizes >= cutoff).to(sizes.dtype)

    @staticmethod
    def backward(ctx, grad: Tensor) -> Tensor:  # type: ignore[no-untyped-def]
        return grad


class Ours:
    """The step of the training loop."""

    def __init__(self, learner: RankedLearner) -> None:
        self.step = mask_step(learner, PHASE)
        self.step.begin_epoch(PHASE, 0)


def variants(channels: float) -> dict[str, Plain | Textbook | Ours]:
    """All steps by name, plain first."""
    first = replace(card(1, channels), network="lenet")
    ranking, model = Ranking(DENSITY), Model()
    learned = RankedLearner(Model(), first, 1, "cpu", ranking)
    model.add(learned.shard())
    second = replace(card(2, channels), network="lenet")
    ground = replace(first, ground={"kind": "signed_constants", "seed": 1})
    return {
        "plain": Plain(Learner(Model(), first, seed=1).network),
        "wsn first": Ours(RankedLearner(Model(), first, 1, "cpu", ranking)),
        "wsn later": Ours(RankedLearner(model, second, 2, "cpu", ranking, learned.working())),
        "supsup": Ours(RankedLearner(Model(), ground, 1, "cpu", ranking)),
        "textbook": Textbook(Learner(Model(), first, seed=1).network),
    }


def measure(channels: float, rounds: int) -> list[Row]:
    """One row per variant."""
    steps = variants(channels)
    plain = steps["plain"]
    assert isinstance(plain, Plain)
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(BATCH, 3, 32, 32, generator=generator).to(memory_format=plain.network.form)
    y = torch.randint(CLASSES, (BATCH,), generator=generator)
    counted = in_turn({name: variant.step for name, variant in steps.items()}, x, y, rounds)
    return [
        row_of(name, channels, times, counted["plain"], TARGETS) for name, times in counted.items()
    ]


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--channels", type=float, nargs="+", default=[1.0])
    parser.add_argument("--rounds", type=int, default=40)
    options = parser.parse_args()
    if options.quick:
        options.channels, options.rounds = [0.125], 2
    facts = machine() | {"threads": 1, "batch": BATCH}
    prepare(threads=1)
    rows = [row for channels in options.channels for row in measure(channels, options.rounds)]
    publish("ranked_ratio", rows, facts, options.out)


if __name__ == "__main__":
    main()
