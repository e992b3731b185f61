"""GradNorm: weights that let all tasks pull at the last shared layer with what their pace asks.

Chen, Badrinarayanan, Lee, Rabinovich: GradNorm: Gradient Normalization for Adaptive Loss Balancing
in Deep Multitask Networks, ICML 2018. A task's pull is the length of its weighted loss's gradient
in the last shared weights. It shall be the mean pull times (loss / first loss, relative to the
mean of that) ^ asymmetry; the sum of the distances trains the weights, which then are scaled to
sum T (here: to 1, as for all methods).
"""

import torch
from torch import Tensor

from lifelong.joint.weighting import Forward, Start, Weighting

_LEAST = 1e-3  # a weight that a step has made 0 or less would turn its task's loss round


class GradNorm(Weighting):
    """`weights` (T,), in sum T as the paper has them; `first` losses NaN before there are any."""

    def __init__(self, start: Start) -> None:
        super().__init__(start)
        self.weights = torch.ones(self.count, device=start.device)
        self.first = torch.full((self.count,), torch.nan, device=start.device)

    def backward(self, one: Forward) -> Tensor:
        losses = one.losses.detach()
        self.first.copy_(torch.where(self.first.isnan(), losses, self.first))
        gradients = [
            torch.autograd.grad(loss, one.last, retain_graph=True)[0] for loss in one.losses
        ]
        norms = torch.stack([gradient.norm() for gradient in gradients])
        used = self.weights / self.count
        (used * one.losses).sum().backward()
        self._weigh(norms, losses)
        return used

    def _weigh(self, norms: Tensor, losses: Tensor) -> None:
        """A step of the weights; `norms` are of the gradients of unweighted losses."""
        options = self.start.options
        pulls = self.weights * norms
        pace = losses / self.first
        target = pulls.mean() * (pace / pace.mean()) ** options["asymmetry"]
        slope = torch.sign(pulls - target) * norms  # of sum |pull - target|, the target held
        weights = (self.weights - options["lr"] * slope).clamp_min(_LEAST)
        self.weights = weights * self.count / weights.sum()

    def state(self) -> dict[str, Tensor]:
        return {"weights": self.weights, "first": self.first}
