"""One training step: forward, backward, update and the epoch's counters, without the host.

On a GPU the whole step is captured once as a CUDA graph and then replayed: some hundred kernels
cost one launch. What changes from step to step lies in tensors that the graph reads: the batch, the
rates, the counts. What changes rarely (masks frozen, a first weight released) captures anew.
"""

import contextlib
from collections.abc import Callable
from contextlib import AbstractContextManager

import torch
from torch import Tensor

from lifelong.masks import RankedLearner, TaskLearner
from lifelong.masks.head_learner import HeadLearner
from lifelong.optim.chosen import optimiser_of
from lifelong.optim.optimisers import Adam, Optimiser
from lifelong.optim.phase import Phase
from lifelong.train.losses import CrossEntropy, Loss, logits_of
from lifelong.train.ranked_update import RankedUpdate
from lifelong.train.update import SharedUpdate, Update
from lifelong.train.world import World, current, running_statistics

Replay = Callable[[], None]
Capture = Callable[[Callable[[], None]], Replay]  # records what a call does, to be done again

_WARM_UPS = 3  # steps done launch by launch before a capture: libraries choose their kernels


class Step:
    """Steps a learner; `loss_sum` and `correct` add up over the images of an epoch.

    `update` steps the weights that tasks share and the scores, `others` everything else.
    """

    def __init__(
        self,
        learner: TaskLearner | HeadLearner,
        update: SharedUpdate,
        others: Optimiser,
        precision: str,
        capture: Capture | None,
        loss: Loss,
        world: World | None = None,
    ) -> None:
        self.learner, self.update, self.others, self.loss = learner, update, others, loss
        self.world = world
        device = learner.others()[0].device
        self.loss_sum = torch.zeros((), device=device)
        self.correct = torch.zeros((), dtype=torch.int64, device=device)
        self.steps = torch.zeros((), device=device) if self.loss.counts_steps else None
        self.capture = capture
        self.rate: float | Tensor = 0.0
        self.mask_rate: float | Tensor = 0.0
        if capture is not None:
            self.rate, self.mask_rate = (torch.zeros((), device=device) for _ in range(2))
        self._half = precision == "bfloat16"
        self._batch: tuple[Tensor, Tensor] | None = None
        self._replay: Replay | None = None
        self._version, self._warm = -1, 0

    def set_rates(self, rate: float, mask_rate: float) -> None:
        """The rates of all steps from now on."""
        if isinstance(self.rate, Tensor) and isinstance(self.mask_rate, Tensor):
            self.rate.fill_(rate)
            self.mask_rate.fill_(mask_rate)
        else:
            self.rate, self.mask_rate = rate, mask_rate

    def begin_epoch(self, phase: Phase, epoch: int) -> None:
        """Set the rates of an epoch, counted from 0; after `phase.mask_epochs` the picks freeze."""
        mask_rate = phase.mask_rate(epoch)
        if mask_rate == 0 and self.picking:
            if self.learner.counts()["owned"]:
                self.freeze_picks()
            else:  # a task that owns no weight has only its masks to train: they go on
                mask_rate = phase.decayed_mask_rate(epoch)
        self.set_rates(phase.rate(epoch), mask_rate)

    def __call__(self, x: Tensor, y: Tensor) -> None:
        if self.capture is None or not self._captured(x, y):
            self._step(x, y)

    @property
    def picking(self) -> bool:
        """Whether picking masks are being trained."""
        return self.update.adam is not None

    def freeze_picks(self) -> None:
        """From now on the picking masks stay as they are."""
        self.update.adam = None
        self.learner.freeze_scores()

    def state(self) -> dict[str, Tensor]:
        """What the optimisers and counters hold, by name; the tensors themselves, not copies."""
        state = {
            f"weights/{name}": tensor for name, tensor in self.update.optimiser.state().items()
        }
        state |= {f"others/{name}": tensor for name, tensor in self.others.state().items()}
        if self.update.adam is not None:
            state |= {f"adam/{name}": t for name, t in self.update.adam.state().items()}
        if self.steps is not None:
            state["steps"] = self.steps
        state |= {f"update/{name}": tensor for name, tensor in self.update.state().items()}
        return state | {"loss_sum": self.loss_sum, "correct": self.correct}

    def reset(self) -> None:
        """Count a new epoch from zero."""
        self.loss_sum.zero_()
        self.correct.zero_()

    def _step(self, x: Tensor, y: Tensor) -> None:
        self.update.zero_grad()
        self.others.zero_grad()
        if self.steps is not None:
            self.steps += 1
        self.update.before_forward()
        if self.world is None:
            loss, correct = self._backward(x, y)
        else:
            loss, correct = self._backward_together(x, y, self.world)
        self.others.step_all(self.rate)
        self.update.step(self.rate, self.mask_rate)
        with torch.no_grad():
            self.loss_sum += loss * len(y)
            self.correct += correct

    def _backward(self, x: Tensor, y: Tensor, weight: float | None = None) -> tuple[Tensor, Tensor]:
        """The gradients of a batch's mean loss, times `weight`; the loss and how many are right."""
        with self._arithmetic(x.device.type):
            outputs = self.learner.network(x)  # the logits, or what a loss with a margin needs
            loss = self.loss(outputs, y, self.steps)
        (loss if weight is None else loss * weight).backward()
        with torch.no_grad():
            return loss.detach(), (logits_of(outputs).argmax(1) == y).sum()

    def _backward_together(self, x: Tensor, y: Tensor, world: World) -> tuple[Tensor, Tensor]:
        """The same of a batch of which every process has its share."""
        share = world.share(x, y)
        loss, correct = self._backward(share.x, share.y, share.weight)
        statistics = running_statistics(self.learner.network)
        for statistic in statistics:
            statistic *= share.weight
        counts = torch.stack((loss * share.weight, correct * share.count))
        gradients = [p.grad for p in self.learner.network.parameters() if p.grad is not None]
        world.add_up([*gradients, *statistics, counts])
        return counts[0], counts[1].round().to(torch.int64)

    def _arithmetic(self, device: str) -> AbstractContextManager[object]:
        if not self._half:
            return contextlib.nullcontext()
        # Each weight is cast once per step anyway, and a captured graph must not keep an old cast.
        return torch.autocast(device, torch.bfloat16, cache_enabled=False)

    def _captured(self, x: Tensor, y: Tensor) -> bool:
        """Do a step by replay where that is possible: same rules, a batch of the same size."""
        assert self.capture is not None
        new = self._batch is None or len(y) > len(self._batch[1])
        if new or self._version != self.learner.version:
            self._version, self._warm, self._replay = self.learner.version, 0, None
            self._batch = (x, y) if new else self._batch
        assert self._batch is not None
        if len(y) < len(self._batch[1]):  # the last batch of an epoch
            return False
        if self._warm < _WARM_UPS:
            self._warm += 1
            return False
        if self._replay is None:
            own = self._batch = (x.clone(), y.clone())
            self._replay = self.capture(lambda: self._step(*own))
        self._batch[0].copy_(x)
        self._batch[1].copy_(y)
        self._replay()
        return True


def cuda_graph(work: Callable[[], None]) -> Replay:
    """Capture `work` as a CUDA graph; capturing does not do it."""
    graph = torch.cuda.CUDAGraph()
    torch.cuda.synchronize()
    with torch.cuda.graph(graph):
        work()
    return graph.replay


def mask_step(
    learner: TaskLearner,
    phase: Phase,
    loss: Loss | None = None,
    capture: Capture | None = None,
) -> Step:
    """The step of a phase with fresh optimisers; left-over momentum would move frozen weights.

    Masks are trained where the phase has a rate for them. `loss` is cross entropy unless another is
    given. `capture` records a step for replay: by default a CUDA graph on GPUs, nothing on CPUs.
    """
    scores = learner.start_scores() if phase.mask_rate(0) > 0 else []
    others = optimiser_of(learner.others(), phase, 0.0)
    adam = Adam(scores) if scores else None
    update = _update(learner, phase, adam)
    world = current()
    if capture is None and world is None and learner.weights()[0].is_cuda:
        capture = cuda_graph
    return Step(learner, update, others, phase.precision, capture, loss or CrossEntropy(), world)


def _update(learner: TaskLearner, phase: Phase, adam: Adam | None) -> SharedUpdate:
    if isinstance(learner, RankedLearner):
        free = optimiser_of(learner.learned(), phase, 0.0)
        return RankedUpdate(learner, free, adam, phase.weight_decay)
    weights = optimiser_of(learner.weights(), phase, phase.weight_decay)
    if phase.update == "compiled":
        from lifelong.train.compiled import CompiledUpdate

        return CompiledUpdate(learner, weights, adam)
    return Update(learner, weights, adam)
