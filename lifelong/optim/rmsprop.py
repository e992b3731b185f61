"""RMSProp as in TensorFlow 1, which trained the experiments of LASEM (ICML 2021) and FaceLiveNet.

It differs from torch.optim.RMSprop: eps is inside the root, mean squares start at one, so that
the first hundred steps are small, and the rate is part of what momentum remembers.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from lifelong.optim.optimisers import Rate, forget, gradients_of

DECAY, EPS = 0.9, 1e-10


class RMSProp:
    """ms <- 0.9 ms + 0.1 g^2; m <- momentum m + rate g / sqrt(ms + epsilon); w <- w - m.

    `weight_decay` times the weight is added to its gradient first. With an epsilon of 1 and small
    gradients it is close to SGD with momentum.
    """

    def __init__(
        self,
        parameters: Sequence[Tensor],
        weight_decay: float = 0.0,
        momentum: float = 0.0,
        epsilon: float = EPS,
    ) -> None:
        self.parameters = list(parameters)
        self.weight_decay, self.momentum, self.epsilon = weight_decay, momentum, epsilon
        self.squares = [torch.ones_like(p) for p in self.parameters]
        self.momenta = [torch.zeros_like(p) for p in self.parameters] if momentum else []

    @property
    def buffers(self) -> list[list[Tensor]]:
        """What it remembers of each parameter; a caller may put its own tensors there."""
        return [self.squares, self.momenta] if self.momentum else [self.squares]

    def zero_grad(self) -> None:
        """Forget the gradients of the step before."""
        forget(self.parameters)

    def step(self, gradients: Sequence[Tensor], rate: Rate) -> None:
        """Step all parameters; gradients are in their order."""
        self.update(self.parameters, list(gradients), self.buffers, rate)

    def step_all(self, rate: Rate) -> None:
        """Step all parameters by the gradients that lie in them."""
        self.step(gradients_of(self.parameters), rate)

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
        """Step parts of parameters, given with the same parts of gradients and buffers."""
        if not values:
            return
        squares, given = buffers[0], gradients
        if self.weight_decay:
            given = list(torch._foreach_add(given, values, alpha=self.weight_decay))
        torch._foreach_mul_(squares, DECAY)
        torch._foreach_addcmul_(squares, given, given, value=1 - DECAY)
        roots = torch._foreach_add(squares, self.epsilon)
        torch._foreach_sqrt_(roots)
        if not self.momentum and isinstance(rate, float):
            torch._foreach_addcdiv_(values, given, roots, value=-rate)
            return
        steps = torch._foreach_div(given, roots)
        torch._foreach_mul_(steps, rate)
        if self.momentum:
            torch._foreach_mul_(buffers[1], self.momentum)
            torch._foreach_add_(buffers[1], steps)
            steps = tuple(buffers[1])
        torch._foreach_sub_(values, steps)

    def state(self) -> dict[str, Tensor]:
        """Mean squares and momenta by name; the tensors themselves, not copies."""
        state = {f"square/{index}": tensor for index, tensor in enumerate(self.squares)}
        return state | {f"momentum/{index}": one for index, one in enumerate(self.momenta)}
