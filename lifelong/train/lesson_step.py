"""One training step of a lesson: one pass through the trunk, and the tasks' losses weighed."""

import contextlib
import math
from collections.abc import Sequence
from contextlib import AbstractContextManager

import torch
from torch import Tensor

from lifelong.joint.extras import NO_EXTRAS, Extras
from lifelong.joint.learner import LessonLearner
from lifelong.joint.weighting import Forward, Weighting
from lifelong.nets.build import parts_of
from lifelong.optim.chosen import optimiser_of
from lifelong.optim.phase import Phase
from lifelong.train.balance import Balance
from lifelong.train.diverged import Diverged
from lifelong.train.losses import Loss, logits_of

_LOOK_EVERY = 50  # steps between two looks of the host at losses on a GPU


class LessonStep:
    """Steps a learner; `loss_sum` and `correct` add up over all tasks' images of an epoch.

    `sets` says which of a step's images each task learns from, `losses` are the tasks' own, to
    which `extras` may add centre losses. `balance` keeps what the tasks' losses and weights were.
    Raises Diverged at the first loss that is no number: before anything is stepped by it on CPUs,
    within some steps on GPUs.
    """

    def __init__(
        self,
        learner: LessonLearner,
        phase: Phase,
        losses: Sequence[Loss],
        weighting: Weighting,
        sets: Sequence[int],
        balance: Balance,
        clip: float = 0.0,
        extras: Extras = NO_EXTRAS,
    ) -> None:
        self.learner, self.losses, self.weighting = learner, losses, weighting
        self.sets, self.balance, self.clip, self.extras = sets, balance, clip, extras
        self.heads_in_parts = [parts_of(head) for head in learner.network.heads]
        network = learner.network
        weights, others = network.weights(), [*network.others(), *weighting.with_network]
        self.optimisers = [
            optimiser_of(weights, phase, phase.weight_decay),
            optimiser_of(others, phase, 0.0),
        ]
        self.stepped = [*weights, *others]
        self.trunk, self.heads = list(network.body.parameters()), list(network.heads.parameters())
        self.statistics = [one for one in network.buffers() if one.is_floating_point()]
        self.statistics_before = [one.clone() for one in self.statistics]
        device = weights[0].device
        self.on_cpu = device.type == "cpu"
        self.loss_sum = torch.zeros((), device=device)
        self.correct = torch.zeros((), dtype=torch.int64, device=device)
        self.steps = torch.zeros((), device=device)
        self.rate = 0.0
        self._half = phase.precision == "bfloat16"

    def begin_epoch(self, phase: Phase, epoch: int) -> None:
        """Set the rate of an epoch, counted from 0."""
        self.rate = phase.rate(epoch)

    def __call__(self, x: list[Tensor], y: list[Tensor]) -> None:
        for optimiser in self.optimisers:
            optimiser.zero_grad()
        self.steps += 1
        _copy(self.statistics, self.statistics_before)
        with self._arithmetic(x[0].device.type):
            features, embeddings, outputs = self._outputs(x)
            each = zip(self.losses, outputs, y, strict=True)
            given = [loss(found, labels, self.steps) for loss, found, labels in each]
            for place, centres in self.extras.centres.items():
                given[place] = given[place] + centres.loss(embeddings[place], y[place])
            losses = torch.stack(given)
        if self.on_cpu:
            self._check(losses.detach(), is_whole=True)
        weights = self.weighting.backward(Forward(losses, features, self.trunk, self.heads))
        self._clip()
        for optimiser in self.optimisers:
            optimiser.step_all(self.rate)
        self.weighting.step()
        for place, centres in self.extras.centres.items():
            centres.follow(embeddings[place].detach(), y[place])
        self._count(losses.detach(), weights.detach(), outputs, y)

    def state(self) -> dict[str, Tensor]:
        """What optimisers, weighting and counters hold; the tensors themselves, not copies."""
        counters = {"loss_sum": self.loss_sum, "correct": self.correct, "steps": self.steps}
        parts = {"weights": self.optimisers[0].state(), "others": self.optimisers[1].state()}
        parts |= {"weighting": self.weighting.state(), "balance": self.balance.state()}
        parts["extras"] = self.extras.state()
        return counters | {
            f"{p}/{name}": one for p, state in parts.items() for name, one in state.items()
        }

    def reset(self) -> None:
        """Count a new epoch from zero."""
        self.weighting.end_epoch(self.balance.losses_of_epoch())
        self.balance.end_epoch()
        self.loss_sum.zero_()
        self.correct.zero_()

    def _outputs(self, x: list[Tensor]) -> tuple[Tensor, list[Tensor], list[Tensor]]:
        """What the trunk made of all images, and each task's embeddings and outputs of its own."""
        network = self.learner.network
        features = network(x[0] if len(x) == 1 else torch.cat(x))
        seen = features.split([len(images) for images in x])
        embeddings, outputs = [], []
        for place, (one, (embed, classify)) in enumerate(
            zip(self.sets, self.heads_in_parts, strict=True)
        ):
            embeddings.append(embed(seen[one]))
            shown = embeddings[-1]
            if place in self.extras.dropouts:
                shown = self.extras.dropouts[place](shown, int(self.balance.done))
            outputs.append(classify(shown))
        return features, embeddings, outputs

    def _check(self, losses: Tensor, is_whole: bool) -> None:
        """Raise Diverged where a task's loss is no number; waits for the device.

        A forward pass has changed the statistics of norms: they become what they were.
        """
        for task, loss in zip(self.weighting.start.tasks, losses.tolist(), strict=True):
            if not math.isfinite(loss):
                _copy(self.statistics_before, self.statistics)
                raise Diverged(task, loss, is_whole)

    def _clip(self) -> None:
        """Shorten what is longer than `clip`: the network's gradient, and that of what weighs."""
        for parameters in (self.stepped, self.weighting.apart) if self.clip else ():
            if parameters:
                torch.nn.utils.clip_grad_norm_(parameters, self.clip)

    @torch.no_grad()
    def _count(
        self, losses: Tensor, weights: Tensor, outputs: list[Tensor], y: list[Tensor]
    ) -> None:
        self.balance.add(losses, weights)
        if not self.on_cpu and int(self.balance.done) % _LOOK_EVERY == 0:
            self._check(self.balance.losses_of_epoch(), is_whole=False)
        for loss, found, labels in zip(losses, outputs, y, strict=True):
            self.loss_sum += loss * len(labels)
            self.correct += (logits_of(found).argmax(1) == labels).sum()

    def _arithmetic(self, device: str) -> AbstractContextManager[object]:
        if not self._half:
            return contextlib.nullcontext()
        return torch.autocast(device, torch.bfloat16)


def _copy(source: list[Tensor], target: list[Tensor]) -> None:
    if source:  # a network without norms has none
        torch._foreach_copy_(target, source)
