"""PCGrad: where the gradients of two tasks conflict, each loses what works against the other.

Yu, Kumar, Gupta, Levine, Hausman, Finn: Gradient Surgery for Multi-Task Learning, NeurIPS 2020.
A task's gradient in the shared weights is projected, for the other tasks in random order, onto the
normal plane of each one's gradient that it has a negative product with; then all are summed.
"""

import torch
from torch import Tensor

from lifelong.joint.weighting import Forward, Start, Weighting
from lifelong.plan.seeds import seed_of


class PCGrad(Weighting):
    """`steps` so far, on which the random orders depend."""

    def __init__(self, start: Start) -> None:
        super().__init__(start)
        self.steps = torch.zeros((), dtype=torch.int64)

    def backward(self, one: Forward) -> Tensor:
        weights = self.equal()
        trunk = list(one.trunk)
        each = [
            torch.autograd.grad(loss, trunk, retain_graph=True)
            for loss in (weights * one.losses).unbind()
        ]
        (weights * one.losses).sum().backward()  # of the heads, which share nothing
        flat = [torch.cat([part.reshape(-1) for part in parts]) for parts in each]
        total = torch.stack(self._without_conflicts(flat)).sum(0)
        sizes = [parameter.numel() for parameter in trunk]
        for parameter, part in zip(trunk, total.split(sizes), strict=True):
            assert parameter.grad is not None
            parameter.grad.copy_(part.view(parameter.shape))
        self.steps += 1
        return weights

    def _without_conflicts(self, gradients: list[Tensor]) -> list[Tensor]:
        random = torch.Generator().manual_seed(seed_of(self.start.seed, int(self.steps)))
        projected = []
        for place, gradient in enumerate(gradients):
            mine = gradient.clone()
            for other in torch.randperm(self.count, generator=random).tolist():
                if other != place:
                    theirs = gradients[other]
                    against = (mine @ theirs).clamp_max(0.0)
                    mine -= against / theirs.square().sum().clamp_min(1e-30) * theirs
            projected.append(mine)
        return projected

    def state(self) -> dict[str, Tensor]:
        return {"steps": self.steps}
