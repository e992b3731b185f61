"""The one training loop. Everything stays on the device; the host looks once per epoch."""

import logging
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from statistics import fmean
from typing import Any, Protocol

from torch import Tensor

from lifelong.data.batches import TaskData
from lifelong.data.lessons import LessonData
from lifelong.optim.phase import Phase
from lifelong.plan.errors import ConfigError
from lifelong.train.device import use_precision
from lifelong.train.diverged import Diverged
from lifelong.train.evaluate import Viewed, deciding
from lifelong.train.resume import Resume

log = logging.getLogger(__name__)
_SAY_EVERY_S = 10.0


@dataclass(frozen=True)
class Epoch:
    """What an epoch reached; epochs count from 1 and `accuracy` is on the deciding split."""

    epoch: int
    train_loss: float
    train_accuracy: float
    accuracy: float
    deciding_loss: float | None = None  # only where it decides something
    more: dict[str, float] = field(default_factory=dict)  # numbers of the caller's `after_epoch`
    each: list[float] = field(default_factory=list)  # `accuracy` of each task, where several learn


@dataclass(frozen=True)
class Result:
    """All epochs, and the one that counts; None where no epoch beat `phase.beat`."""

    epochs: list[Epoch]
    kept: Epoch | None

    @classmethod
    def of(cls, facts: Mapping[str, Any]) -> "Result":
        """What `asdict` made of it, as JSON gives it back."""
        kept = facts["kept"]
        return cls([Epoch(**one) for one in facts["epochs"]], Epoch(**kept) if kept else None)


StepHook = Callable[[int, int], None]  # (steps done in this phase, steps per epoch)
EpochHook = Callable[[int], dict[str, float]]  # epochs done; numbers to keep with the epoch


class Trainable(Protocol):
    """A task being learned: its network, and all that training changes."""

    @property
    def network(self) -> Viewed: ...

    def state(self) -> dict[str, Tensor]: ...

    def load_state(self, state: dict[str, Tensor]) -> None: ...


class Stepper(Protocol):
    """Does the training steps of one learner, and counts over the images of an epoch.

    A step takes what the batches of its learner's data are: images and labels, of one task or of
    several.
    """

    @property
    def loss_sum(self) -> Tensor: ...

    @property
    def correct(self) -> Tensor: ...

    @property
    def learner(self) -> Trainable: ...

    def begin_epoch(self, phase: Phase, epoch: int) -> None:
        """Set the rates of an epoch, counted from 0; a resumed epoch begins again."""

    def __call__(self, x: Any, y: Any) -> None: ...

    def state(self) -> dict[str, Tensor]: ...

    def reset(self) -> None: ...


def fit(
    step: Stepper,
    data: TaskData | LessonData,
    phase: Phase,
    seed: int,
    *,
    resume: Resume | None = None,
    name: str = "train",
    after_step: StepHook | None = None,
    after_epoch: EpochHook | None = None,
) -> Result:
    """Train the learner of a fresh step.

    It ends with the weights of the last epoch; with those of the best one if `phase.keep_epoch`
    says so, or if `phase.beat` is set and an epoch was better than that. `seed` is of the batches;
    `name` says in the log what is being trained. The same step, data, phase and seed give the same
    bits, whether or not the run was interrupted and resumed. What it saved to go on from stays: the
    caller forgets it once the result is written. Raises ConfigError where the loss diverges.
    """
    run = _Run(step, data, phase, seed, resume, name, after_epoch)
    said = -math.inf
    while run.unfinished():
        for x, y in run.batches.epoch(run.epoch, run.step):
            run.one_step(x, y)
            if after_step is not None:
                after_step(run.epoch * len(run.batches) + run.step, len(run.batches))
            run.save_if_due()
        run.end_epoch()
        if time.monotonic() - said > _SAY_EVERY_S or not run.unfinished():  # the first one at once
            said = time.monotonic()
            _say(run)
    run.take_best()
    return Result(run.epochs, run.kept)


class _Run:
    """The state of one call of `fit`."""

    def __init__(
        self,
        step: Stepper,
        data: TaskData | LessonData,
        phase: Phase,
        seed: int,
        resume: Resume | None,
        name: str,
        after_epoch: EpochHook | None,
    ) -> None:
        self.do_step, self.learner = step, step.learner
        self.data, self.phase, self.resume = data, phase, resume
        self.name, self.after_epoch = name, after_epoch
        use_precision(phase.precision)
        self.batches = data.batches(phase, seed, self.learner.network.form)
        self.epoch = self.step = 0
        self.epochs: list[Epoch] = []
        self.best: dict[str, Tensor] | None = None
        self.kept: Epoch | None = None
        self.since_best = 0
        self.started, self.resumed_at = time.monotonic(), 0
        self._go_on()
        self._begin_epoch()

    def unfinished(self) -> bool:
        patience = self.phase.patience
        waited = self.phase.beat is not None and 0 < patience <= self.since_best
        return self.epoch < self.phase.epochs and not waited and not self._plateau()[1]

    def _plateau(self) -> tuple[int, bool]:
        """How often the rates fell so far, and whether that was all."""
        plateau = self.phase.plateau
        if plateau is None:
            return 0, False
        watched = [e.deciding_loss if plateau.watch == "loss" else e.accuracy for e in self.epochs]
        return plateau.after([value for value in watched if value is not None], self.phase.lr)

    def _begin_epoch(self) -> None:
        self.do_step.begin_epoch(self.phase.fallen(self._plateau()[0]), self.epoch)

    def one_step(self, x: Any, y: Any) -> None:
        try:
            self.do_step(x, y)
        except Diverged as error:
            raise self._stopped(error) from None
        self.step += 1

    def _stopped(self, error: Diverged) -> ConfigError:
        """What to say of a loss that is no number; what was learned until then is kept."""
        kept = ""
        if self.resume is not None and error.is_whole:
            self.save()
            kept = f"; the state before that step is in {self.resume.path}"
        return ConfigError(
            f"{self.name} diverged: the loss of task {error.task} is {error.loss} in step "
            f"{self.step + 1} of epoch {self.epoch + 1}; lower the lr of its section, or look at "
            f"its images{kept}"
        )

    def end_epoch(self) -> None:
        seen = self.batches.seen(self.epoch)
        accuracies, losses = deciding(self.learner.network, self.data, self.phase.needs_loss)
        epoch = Epoch(
            self.epoch + 1,
            float(self.do_step.loss_sum) / seen,
            int(self.do_step.correct) / seen,
            fmean(accuracies),
            fmean(losses) if losses else None,
            {} if self.after_epoch is None else self.after_epoch(self.epoch + 1),
            accuracies if len(accuracies) > 1 else [],
        )
        if not math.isfinite(epoch.train_loss):
            raise ConfigError(
                f"{self.name} diverged: the loss of epoch {epoch.epoch} is {epoch.train_loss}; "
                "lower the lr of its section, or recipe.weight_decay"
            )
        self.epochs.append(epoch)
        self._remember(epoch)
        self.epoch, self.step = self.epoch + 1, 0
        self.do_step.reset()
        if self.unfinished():
            self._begin_epoch()

    def _remember(self, epoch: Epoch) -> None:
        if self._better(epoch):
            self.kept, self.since_best = epoch, 0
            if self.phase.beat is not None or self.phase.keep_epoch != "last":
                self.best = self._snapshot()
        else:
            self.since_best += 1

    def _better(self, epoch: Epoch) -> bool:
        """Whether an epoch is the one that counts so far."""
        if self.phase.beat is not None:
            return epoch.accuracy > (self.phase.beat if self.kept is None else self.kept.accuracy)
        if self.kept is None or self.phase.keep_epoch == "last":
            return True
        if self.phase.keep_epoch == "best_accuracy":
            return epoch.accuracy > self.kept.accuracy
        assert epoch.deciding_loss is not None and self.kept.deciding_loss is not None
        return epoch.deciding_loss < self.kept.deciding_loss

    def take_best(self) -> None:
        if self.best is not None:
            self.learner.load_state(self.best)

    def _snapshot(self) -> dict[str, Tensor]:
        return {name: tensor.clone() for name, tensor in self.learner.state().items()}

    def save_if_due(self) -> None:
        if self.resume is not None and self.resume.due():
            self.save()

    def save(self) -> None:
        assert self.resume is not None
        tensors = _named("best/", self.best or {}) | _named("now/", self.learner.state())
        tensors |= _named("step/", self.do_step.state())
        facts = {
            "epoch": self.epoch,
            "step": self.step,
            "epochs": [asdict(epoch) for epoch in self.epochs],
            "kept": asdict(self.kept) if self.kept else None,
            "since_best": self.since_best,
        }
        self.resume.save(tensors, facts)

    def _go_on(self) -> None:
        """Continue from the state that an interrupted run saved."""
        state = self.resume.load() if self.resume is not None else None
        if state is None:
            return
        tensors, facts = state
        saved = _part("step/", tensors)
        for name, tensor in self.do_step.state().items():
            if name in saved:  # Adam's are gone once the picks are frozen
                tensor.copy_(saved[name])
        self.learner.load_state(_part("now/", tensors))  # last: stale picks are part of the step
        self.best = _part("best/", tensors) or None
        self.epoch, self.step = facts["epoch"], facts["step"]
        self.epochs = [Epoch(**epoch) for epoch in facts["epochs"]]
        self.kept = Epoch(**facts["kept"]) if facts["kept"] else None
        self.since_best = facts["since_best"]
        self.resumed_at = self.epoch
        log.info("resumed in epoch %d at step %d", self.epoch + 1, self.step)


def _named(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {f"{prefix}{name}": tensor for name, tensor in tensors.items()}


def _part(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}


def _say(run: _Run) -> None:
    """One line with the time left."""
    last, done = run.epochs[-1], run.epoch - run.resumed_at
    left = (time.monotonic() - run.started) / max(done, 1) * (run.phase.epochs - run.epoch)
    log.info(
        "%s: epoch %d of %d, loss %.3f, accuracy %.3f train %.3f deciding, %.0f s left",
        run.name,
        last.epoch,
        run.phase.epochs,
        last.train_loss,
        last.train_accuracy,
        last.accuracy,
        left,
    )
