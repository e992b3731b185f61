"""SGD and Adam; all they remember is tensors.

Both step a part of their parameters when given the same part of each of their `buffers`.

The steps themselves are torch's fused kernels, called directly: the classes of torch.optim give
the same bits, but creating the first one imports torch's compiler: over a second in every job.
"""

from collections.abc import Sequence
from typing import Protocol

import torch
from torch import Tensor

Rate = float | Tensor  # a tensor where a captured graph must read it anew in every step


class Optimiser(Protocol):
    """What the training step needs of one; `buffers` hold one tensor per parameter each."""

    @property
    def buffers(self) -> list[list[Tensor]]: ...

    def zero_grad(self) -> None: ...

    def step_all(self, rate: Rate) -> None:
        """Step all parameters by the gradients that lie in them."""

    def begin(self) -> None:
        """Count a step; `update` follows for each part."""

    def update(
        self,
        values: list[Tensor],
        gradients: list[Tensor],
        buffers: Sequence[list[Tensor]],
        rate: Rate,
    ) -> None:
        """Step parts of parameters, given with the same parts of gradients and buffers."""

    def state(self) -> dict[str, Tensor]:
        """What it remembers, by name; the tensors themselves, not copies."""


class SGD:
    """SGD with Nesterov momentum and one weight decay for all its parameters."""

    def __init__(self, parameters: Sequence[Tensor], decay: float, momentum: float) -> None:
        self.parameters, self.decay, self.momentum = list(parameters), decay, momentum
        self.momenta = [torch.zeros_like(p) for p in self.parameters] if momentum else []
        self.buffers = [self.momenta] if momentum else []

    def zero_grad(self) -> None:
        """Forget the gradients of the step before."""
        forget(self.parameters)

    def step_all(self, rate: Rate) -> None:
        """Step all parameters by the gradients that lie in them."""
        self.update(self.parameters, gradients_of(self.parameters), self.buffers, rate)

    def begin(self) -> None:
        """No step needs its number."""

    @torch.no_grad()
    def update(
        self,
        values: list[Tensor],
        gradients: list[Tensor],
        buffers: Sequence[list[Tensor]],
        rate: Rate,
    ) -> None:
        """Step parts of parameters, given with the same parts of their gradients and momenta."""
        torch._fused_sgd_(
            values,
            gradients,
            buffers[0] if buffers else [],
            weight_decay=self.decay,
            momentum=self.momentum,
            lr=rate,
            dampening=0.0,
            nesterov=self.momentum > 0,
            maximize=False,
            is_first_step=False,  # momenta start as zeros, which gives the same first step
        )

    def state(self) -> dict[str, Tensor]:
        """The momenta by name; the tensors themselves, not copies."""
        return {f"momentum/{index}": tensor for index, tensor in enumerate(self.momenta)}


class Adam:
    """Adam with torch's defaults (betas 0.9 and 0.999, eps 1e-8); `decay` is added to gradients."""

    BETAS, EPS = (0.9, 0.999), 1e-8

    def __init__(self, parameters: Sequence[Tensor], decay: float = 0.0) -> None:
        self.parameters, self.decay = list(parameters), decay
        self.means = [torch.zeros_like(p) for p in self.parameters]
        self.squares = [torch.zeros_like(p) for p in self.parameters]
        self.buffers = [self.means, self.squares]
        self.steps = torch.zeros((), device=self.parameters[0].device if self.parameters else None)

    def zero_grad(self) -> None:
        """Forget the gradients of the step before."""
        forget(self.parameters)

    def step(self, gradients: Sequence[Tensor], rate: Rate) -> None:
        """Step all parameters; gradients are in their order."""
        self.begin()
        self.update(self.parameters, list(gradients), self.buffers, rate)

    def step_all(self, rate: Rate) -> None:
        """Step all parameters by the gradients that lie in them."""
        self.step(gradients_of(self.parameters), rate)

    def begin(self) -> None:
        """Count a step; `update` follows for each part."""
        self.steps += 1

    @torch.no_grad()
    def update(
        self,
        values: list[Tensor],
        gradients: list[Tensor],
        buffers: Sequence[list[Tensor]],
        rate: Rate,
    ) -> None:
        """Step parts of parameters, given with the same parts of gradients and moments."""
        torch._fused_adam_(
            values,
            gradients,
            buffers[0],
            buffers[1],
            [],
            [self.steps] * len(values),
            lr=rate,
            beta1=self.BETAS[0],
            beta2=self.BETAS[1],
            weight_decay=self.decay,
            eps=self.EPS,
            amsgrad=False,
            maximize=False,
        )

    def state(self) -> dict[str, Tensor]:
        """Moments and step count by name; the tensors themselves, not copies."""
        state = {f"mean/{index}": tensor for index, tensor in enumerate(self.means)}
        state |= {f"square/{index}": tensor for index, tensor in enumerate(self.squares)}
        return state | {"steps": self.steps}


def forget(parameters: Sequence[Tensor]) -> None:
    """Parameters without the gradients of the step before."""
    for parameter in parameters:
        parameter.grad = None


def gradients_of(parameters: Sequence[Tensor]) -> list[Tensor]:
    """The gradients that the last backward pass has left in parameters."""
    return [gradient(parameter) for parameter in parameters]


def gradient(parameter: Tensor) -> Tensor:
    """A parameter's gradient, which the last backward pass has left there."""
    assert parameter.grad is not None, "a parameter took no part in the loss"
    return parameter.grad
