"""Dynamic weights: the task with the larger loss gets the larger weight, from a small side head.

Ming, Xia, Luqman, Burie, Zhao: Dynamic Multi-Task Learning for Face Recognition with Facial
Expression, ICCV workshops 2019. A linear layer on the last shared features gives a logit per task;
their softmax, averaged over the batch, weighs the losses of the network. A loss of its own, the sum
of weight / (loss + sigma), trains that layer and nothing else: it falls where weight moves to the
harder task. The paper's tables were not available to us.

Logits are scaled to one length, so that the largest of T weights is e^g / (e^g + T - 1), with g =
scale x sqrt(T / (T - 1)): 0.8044 for two tasks. As they are (`logit_norm: none`) weights reach 0
and 1 and hardly return. The features are detached, so that weights do not pull at the trunk;
`trunk_leak: true` lets them, as the released program does.
"""

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from lifelong.joint.weighting import Forward, Start, Weighting
from lifelong.optim.optimisers import SGD

_SHORTEST = 1e-5  # of features; shorter ones are not made longer than this would be
_START_STD = 0.1
_MOMENTUM = 0.9


class Unit:
    """The side head: features (batch, …) to one weight per task, positive, 1 in sum."""

    def __init__(self, start: Start) -> None:
        random = torch.Generator().manual_seed(start.seed)
        weight = torch.empty(len(start.tasks), start.features)
        torch.nn.init.trunc_normal_(
            weight, std=_START_STD, a=-2 * _START_STD, b=2 * _START_STD, generator=random
        )
        self.weight = weight.to(start.device).requires_grad_()
        self.bias = torch.zeros(len(start.tasks), device=start.device, requires_grad=True)
        self.options: Mapping[str, Any] = start.options

    @property
    def parameters(self) -> list[Tensor]:
        return [self.weight, self.bias]

    def __call__(self, features: Tensor, learns: bool = True) -> Tensor:
        """The weights (T,); unless it `learns`, no gradient reaches the unit's own parameters."""
        weight, bias = self.parameters if learns else (self.weight.detach(), self.bias.detach())
        z = functional.normalize(features.flatten(1).float(), eps=_SHORTEST)
        logits = functional.linear(z, weight, bias)
        if self.options["logit_norm"] == "l2":
            logits = self.options["scale"] * functional.normalize(logits)
        return logits.softmax(1).mean(0)


class Dynamic(Weighting):
    """The unit, its own loss, and a step of its own after the network's."""

    def __init__(self, start: Start) -> None:
        super().__init__(start)
        self.unit = Unit(start)
        self.apart = self.unit.parameters
        made = start.optimiser
        self.optimiser = made(self.apart) if made else SGD(self.apart, 0.0, _MOMENTUM)
        scales = {
            "none": [1.0] * self.count,
            "log_classes": [math.log(classes) for classes in start.classes],
        }
        self.scales = torch.tensor(scales[start.options["loss_scale"]], device=start.device)

    def backward(self, one: Forward) -> Tensor:
        options = self.start.options
        for parameter in self.apart:
            parameter.grad = None
        weights = self.unit(one.features.detach())
        live = self.unit(one.features, learns=False) if options["trunk_leak"] else weights.detach()
        (live * one.losses).sum().backward()
        hardness = one.losses.detach() / self.scales
        (weights / (hardness + options["sigma"])).sum().backward()
        return weights.detach()

    def step(self) -> None:
        self.optimiser.step_all(self.start.options["lr"])

    def state(self) -> dict[str, Tensor]:
        state: dict[str, Tensor] = self.optimiser.state()
        return super().state() | state
