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

from lifelong.masks.learner import Learner
from lifelong.optim.optimisers import SGD, Adam
from lifelong.optim.phase import Phase
from lifelong.train.losses import CrossEntropy, Loss, logits_of
from lifelong.train.update import Update

Replay = Callable[[], None]
Capture = Callable[[Callable[[], None]], Replay]  # records what a call does, to be done again

_WARM_UPS = 3  # steps done launch by launch before a capture: libraries choose their kernels


class Step:
    """Steps a learner; `loss_sum` and `correct` count up over the images shown."""

    def __init__(
        self,
        learner: Learner,
        weights: SGD,
        others: SGD,
        update: Update,
        precision: str = "float32",
        capture: Capture | None = None,
        loss: Loss | None = None,
    ) -> None:
        self.loss: Loss = loss or CrossEntropy()
        self.learner, self.weights, self.others, self.update = learner, weights, others, update
        device = learner.weights()[0].device
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
        """The rates of an epoch, counted from 0; masks stay as they are once their time is over."""
        mask_rate = phase.mask_rate(epoch)
        if mask_rate == 0 and self.picking:
            if self.learner.counts()["owned"]:
                self.freeze_picks()
            else:  # a task without weights of its own has nothing but its masks to train
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
        found = {f"weights/{name}": tensor for name, tensor in self.weights.state().items()}
        found |= {f"others/{name}": tensor for name, tensor in self.others.state().items()}
        if self.update.adam is not None:
            found |= {f"adam/{name}": t for name, t in self.update.adam.state().items()}
        if self.steps is not None:
            found["steps"] = self.steps
        return found | {"loss_sum": self.loss_sum, "correct": self.correct}

    def reset(self) -> None:
        """Count a new epoch from zero."""
        self.loss_sum.zero_()
        self.correct.zero_()

    def _step(self, x: Tensor, y: Tensor) -> None:
        self.weights.zero_grad()
        self.others.zero_grad()
        if self.steps is not None:
            self.steps += 1
        with self._arithmetic(x.device.type):
            found = self.learner.network(x)
            loss = self.loss(found, y, self.steps)
        loss.backward()
        self.others.step(self.rate)
        self.update.step(self.rate, self.mask_rate)
        with torch.no_grad():
            self.loss_sum += loss.detach() * len(y)
            self.correct += (logits_of(found).argmax(1) == y).sum()

    def _arithmetic(self, device: str) -> AbstractContextManager[object]:
        if not self._half:
            return contextlib.nullcontext()
        # Each weight is cast once a step anyway, and a captured graph must not keep an old cast.
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


def mask_step(learner: Learner, phase: Phase, loss: Loss | None = None) -> Step:
    """The step of a phase; masks are trained where the phase has a rate for them."""
    scores = learner.start_scores() if phase.mask_rate(0) > 0 else []
    settings = (phase.weight_decay, phase.momentum, scores, phase.precision, phase.update)
    return make_step(learner, *settings, loss=loss)


def make_step(
    learner: Learner,
    weight_decay: float,
    momentum: float,
    scores: list[Tensor],
    precision: str = "float32",
    update: str = "eager",
    capture: Capture | None = None,
    loss: Loss | None = None,
) -> Step:
    """The step of a phase with fresh optimisers; left-over momentum would move frozen weights.

    `loss`: cross entropy unless another is given.
    """
    weights = SGD(learner.weights(), weight_decay, momentum)
    others = SGD(learner.others(), 0.0, momentum)
    adam = Adam(scores) if scores else None
    if update == "compiled":
        from lifelong.train.compiled import CompiledUpdate

        walk: Update = CompiledUpdate(learner, weights, adam)
    else:
        walk = Update(learner, weights, adam)
    if capture is None and learner.weights()[0].is_cuda:
        capture = cuda_graph
    return Step(learner, weights, others, walk, precision, capture, loss)
