"""One training step of a method of the layer family: its objective, optimiser and counters."""

import torch
from torch import Tensor

from lifelong.layers.learner import LayerLearner
from lifelong.optim import OPTIMISERS
from lifelong.optim.phase import Phase
from lifelong.optim.rmsprop import RMSProp
from lifelong.plan.seeds import seed_of


class LayerStep:
    """Steps a learner; `loss_sum` and `correct` add up over the images of an epoch.

    Dropout and whatever else is random in a step depend only on the seed and the number of the
    step, so that a resumed run draws the same.
    """

    def __init__(self, learner: LayerLearner, seed: int) -> None:
        self.learner, self.seed = learner, seed
        trained = learner.trained()
        self.parameters = list(trained.values())
        self.optimiser = OPTIMISERS[learner.optimiser](self.parameters)
        if isinstance(self.optimiser, RMSProp):
            squares = self.optimiser.squares
            for place, name in enumerate(trained):  # an earlier phase may have left its own
                squares[place] = learner.carried.get(name, squares[place])
            learner.squares = dict(zip(trained, squares, strict=True))
        self.generator = torch.Generator(learner.device)
        self.rate = 0.0
        self.steps = torch.zeros((), dtype=torch.int64)
        self.loss_sum = torch.zeros((), device=learner.device)
        self.correct = torch.zeros((), dtype=torch.int64, device=learner.device)

    def begin_epoch(self, phase: Phase, epoch: int) -> None:
        """Set the rate of an epoch, counted from 0."""
        self.rate = phase.rate(epoch)

    def __call__(self, x: Tensor, y: Tensor) -> None:
        self.generator.manual_seed(seed_of(self.seed, int(self.steps)))
        self.learner.before_step(x, y, self.generator, self.rate)
        loss, logits = self.learner.objective(x, y, self.generator)
        gradients = torch.autograd.grad(
            loss, self.parameters, allow_unused=True, materialize_grads=True
        )
        if self.learner.gradient_scale != 1:
            gradients = torch._foreach_mul(gradients, self.learner.gradient_scale)
        self.optimiser.step(gradients, self.rate)
        self.learner.after_step(self.rate)
        self.steps += 1
        with torch.no_grad():
            self.loss_sum += loss.detach() * len(y)
            self.correct += (logits.argmax(1) == y).sum()

    def state(self) -> dict[str, Tensor]:
        """What optimiser and counters hold, by name; the tensors themselves, not copies."""
        counters = {"loss_sum": self.loss_sum, "correct": self.correct, "steps": self.steps}
        return counters | {f"optimiser/{k}": t for k, t in self.optimiser.state().items()}

    def reset(self) -> None:
        """Count a new epoch from zero."""
        self.loss_sum.zero_()
        self.correct.zero_()
