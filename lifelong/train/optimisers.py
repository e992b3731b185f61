"""SGD and Adam over torch's functional forms, with nothing but their tensors as state.

The classes of torch.optim give the same bits, but the first one made imports torch's compiler:
more than a second in every job.
"""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.optim.adam import adam
from torch.optim.sgd import sgd


class SGD:
    """SGD with Nesterov momentum; each group of parameters has its own weight decay."""

    def __init__(self, groups: Sequence[tuple[Sequence[Tensor], float]], momentum: float) -> None:
        self.groups = [(list(parameters), decay) for parameters, decay in groups]
        self.momentum = momentum
        self.buffers: list[list[Tensor | None]] = [
            [torch.zeros_like(p) if momentum else None for p in parameters]
            for parameters, _ in self.groups
        ]

    def zero_grad(self) -> None:
        for parameters, _ in self.groups:
            for parameter in parameters:
                parameter.grad = None

    @torch.no_grad()
    def step(self, rate: float) -> None:
        for (parameters, decay), buffers in zip(self.groups, self.buffers, strict=True):
            sgd(
                parameters,
                [gradient(p) for p in parameters],
                buffers,
                fused=True,
                weight_decay=decay,
                momentum=self.momentum,
                lr=rate,
                dampening=0.0,
                nesterov=self.momentum > 0,
                maximize=False,
            )

    def state(self) -> dict[str, Tensor]:
        """The momenta by name; the tensors themselves, not copies."""
        return {
            f"{group}/{index}": buffer
            for group, buffers in enumerate(self.buffers)
            for index, buffer in enumerate(buffers)
            if buffer is not None
        }


class Adam:
    """Adam with torch's defaults (betas 0.9 and 0.999, eps 1e-8)."""

    def __init__(self, parameters: Sequence[Tensor]) -> None:
        self.parameters = list(parameters)
        self.means = [torch.zeros_like(p) for p in self.parameters]
        self.squares = [torch.zeros_like(p) for p in self.parameters]
        self.steps = [torch.zeros((), device=p.device) for p in self.parameters]

    @torch.no_grad()
    def step(self, rate: float) -> None:
        adam(
            self.parameters,
            [gradient(p) for p in self.parameters],
            self.means,
            self.squares,
            [],
            self.steps,
            fused=True,
            amsgrad=False,
            beta1=0.9,
            beta2=0.999,
            lr=rate,
            weight_decay=0.0,
            eps=1e-8,
            maximize=False,
        )

    def state(self) -> dict[str, Tensor]:
        """Moments and step counts by name; the tensors themselves, not copies."""
        named = {"mean": self.means, "square": self.squares, "step": self.steps}
        return {f"{k}/{i}": tensor for k, some in named.items() for i, tensor in enumerate(some)}


def gradient(parameter: Tensor) -> Tensor:
    assert parameter.grad is not None, "a parameter took no part in the loss"
    return parameter.grad
