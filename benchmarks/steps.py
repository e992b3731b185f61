"""One training step in three forms: without masks, ours, and as the papers write it."""

from dataclasses import replace

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional

from lifelong.masks.layers import free_parameters, shareable
from lifelong.masks.learner import Learner
from lifelong.masks.pick import picked
from lifelong.nets import TaskNetwork
from lifelong.optim.phase import Phase
from lifelong.train.step import mask_step

LR, MASK_LR, MOMENTUM, DECAY = 1e-2, 5e-4, 0.9, 4e-5
PHASE = Phase(epochs=1, lr=LR, momentum=MOMENTUM, weight_decay=DECAY)


def sgd(weights: list[nn.Parameter], others: list[nn.Parameter], decay: float) -> torch.optim.SGD:
    groups = [{"params": weights, "weight_decay": decay}, {"params": others, "weight_decay": 0.0}]
    return torch.optim.SGD(groups, lr=LR, momentum=MOMENTUM, nesterov=True, fused=True)


class Plain:
    """A training step that knows no masks."""

    def __init__(self, network: TaskNetwork) -> None:
        self.network = network
        weights = [layer.weight for layer in shareable(network).values()]
        self.sgd = sgd(weights, free_parameters(network), DECAY)

    def step(self, x: Tensor, y: Tensor) -> None:
        self.sgd.zero_grad(set_to_none=True)
        functional.cross_entropy(self.network(x), y).backward()
        self.sgd.step()


class Ours:
    """The step of the training loop."""

    def __init__(self, learner: Learner, picking: bool, update: str = "eager") -> None:
        self.learner = learner
        phase = replace(PHASE, mask_lr=MASK_LR if picking else 0.0, update=update)
        self.step = mask_step(learner, phase)
        self.step.begin_epoch(phase, 0)


class Picked(torch.autograd.Function):
    """W * 1[R > tau]; the gradient of R passes the threshold straight through."""

    @staticmethod
    def forward(ctx, weight: Tensor, score: Tensor) -> Tensor:  # type: ignore[no-untyped-def]
        mask = picked(score).to(weight.dtype)
        ctx.save_for_backward(weight, mask)
        return weight * mask

    @staticmethod
    def backward(ctx, grad: Tensor) -> tuple[Tensor, Tensor]:  # type: ignore[no-untyped-def]
        weight, mask = ctx.saved_tensors
        return grad * mask, grad * weight


class Textbook:
    """The same mathematics as `Ours` with live picks, as Piggyback and CPG write it."""

    def __init__(self, learner: Learner) -> None:
        self.learner = learner
        self.own = {name: layer.own for name, layer in learner.layers.items()}
        self.old = {name: 1 - own for name, own in self.own.items()}
        learner.start_scores()
        self.scores = {n: la.score for n, la in learner.layers.items() if la.score is not None}
        for score in self.scores.values():
            score.requires_grad_()
        self.sgd = sgd(learner.weights(), learner.others(), decay=0.0)  # decayed below: only own
        self.adam = torch.optim.Adam(list(self.scores.values()), lr=MASK_LR, fused=True)

    def effective(self) -> dict[str, Tensor]:
        layers = self.learner.layers
        return {
            f"body.{name}.weight": Picked.apply(layers[name].weight, score)
            for name, score in self.scores.items()
        }

    def step(self, x: Tensor, y: Tensor) -> None:
        self.sgd.zero_grad(set_to_none=True)
        self.adam.zero_grad(set_to_none=True)
        logits = functional_call(self.learner.network, self.effective(), (x,))
        functional.cross_entropy(logits, y).backward()
        with torch.no_grad():
            for name, score in self.scores.items():
                weight = self.learner.layers[name].weight
                weight.grad.add_(weight, alpha=DECAY).mul_(self.own[name])
                score.grad.mul_(self.old[name])
        self.sgd.step()
        self.adam.step()
