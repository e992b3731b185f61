"""What the branches of single tasks have beside their losses: dropout, and centres of classes."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from lifelong.plan.seeds import seed_of


@dataclass(frozen=True)
class Dropout:
    """Zeroes `share` of an embedding; which entries depends on the seed and the step."""

    share: float
    seed: int

    def __call__(self, x: Tensor, step: int) -> Tensor:
        """In and out: (batch, features), the mean as before; `step` counts from 0."""
        random = torch.Generator(x.device).manual_seed(seed_of(self.seed, step))
        kept = torch.rand(x.shape, generator=random, device=x.device) >= self.share
        return x * kept / (1 - self.share)


class Centres:
    """The centre loss (Wen et al., ECCV 2016) as FaceLiveNet has it: images near their class's.

    Embeddings count by direction: f is one of length 1. `centres` (classes, features) start at 0
    and are no parameters: a step moves those of the classes that it shows by 1 - `keep` of the
    way to the mean f of their images.
    """

    def __init__(
        self, classes: int, features: int, factor: float, keep: float, device: str = "cpu"
    ) -> None:
        self.factor, self.keep = factor, keep
        self.centres = torch.zeros(classes, features, device=device)

    def loss(self, embedding: Tensor, labels: Tensor) -> Tensor:
        """`factor` times the mean half squared distance to the centres as they are; a scalar."""
        directions = functional.normalize(embedding.float())
        far = (directions - self.centres[labels]).square().sum(1)
        return self.factor * far.mean() / 2

    @torch.no_grad()
    def follow(self, embedding: Tensor, labels: Tensor) -> None:
        """Move the centres of the classes that a batch shows; embedding (batch, features)."""
        directions = functional.normalize(embedding.float())
        # A product with 0s and 1s, because on GPUs index_add adds up in any order.
        shown = functional.one_hot(labels, len(self.centres)).to(directions.dtype)
        counts = shown.sum(0)[:, None]
        ways = shown.T @ directions - counts * self.centres
        self.centres += (1 - self.keep) * ways / counts.clamp_min(1)


@dataclass(frozen=True)
class Extras:
    """Dropout and centres of a lesson's tasks, keyed by place."""

    dropouts: dict[int, Dropout]
    centres: dict[int, Centres]

    def state(self) -> dict[str, Tensor]:
        """The centres by name; the tensors themselves, not copies."""
        return {f"centres/{place}": one.centres for place, one in self.centres.items()}


NO_EXTRAS = Extras({}, {})
