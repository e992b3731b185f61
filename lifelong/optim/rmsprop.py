"""RMSProp as in TensorFlow 1, which trained the experiments of LASEM (ICML 2021).

It differs from torch.optim.RMSprop: eps is inside the root, and mean squares start at one, so that
the first hundred steps are small.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

DECAY, EPS = 0.9, 1e-10


class RMSProp:
    """ms <- 0.9 ms + 0.1 g^2; w <- w - rate g / sqrt(ms + 1e-10)."""

    def __init__(self, parameters: Sequence[Tensor]) -> None:
        self.parameters = list(parameters)
        self.squares = [torch.ones_like(p) for p in self.parameters]

    @torch.no_grad()
    def step(self, gradients: Sequence[Tensor], rate: float) -> None:
        """Step all parameters; gradients are in their order."""
        given = list(gradients)
        torch._foreach_mul_(self.squares, DECAY)
        torch._foreach_addcmul_(self.squares, given, given, value=1 - DECAY)
        roots = torch._foreach_add(self.squares, EPS)
        torch._foreach_sqrt_(roots)
        torch._foreach_addcdiv_(self.parameters, given, roots, value=-rate)

    def state(self) -> dict[str, Tensor]:
        """The mean squares by name; the tensors themselves, not copies."""
        return {f"square/{index}": tensor for index, tensor in enumerate(self.squares)}
