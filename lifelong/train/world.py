"""Several processes that train one task together, each with its share of every batch.

Every process holds the whole task and makes the same batches; it computes the gradients of its
share, and the sum over all processes steps the weights of each. What follows from the gradients
(weights, scores, picks, owners, decisions) is the same everywhere, bit for bit, so that nothing
else needs to be sent. Batch norm sees the images of its own process, as in torch's
DistributedDataParallel; running statistics are averaged. A loss that weighs classes is normalised
over each share, not over the whole batch. What a stage gives depends on the number
of processes, so that number is part of its spec.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from lifelong.plan.errors import ConfigError

_FEWEST = 2  # images of a process: batch norm cannot learn from one


@dataclass(frozen=True)
class Share:
    """What one process sees of a batch: `weight` is that of its mean loss in the whole batch's."""

    x: Tensor
    y: Tensor
    weight: float
    count: float  # of the batch's images that each of these stands for


@dataclass(frozen=True)
class World:
    """The processes of a stage; `rank` counts from 0."""

    rank: int
    size: int

    def share(self, x: Tensor, y: Tensor) -> Share:
        """This process's images of a batch: x (B, ...), y (B,). Of few images each sees all."""
        if len(y) < _FEWEST * self.size:
            return Share(x, y, 1 / self.size, 1 / self.size)
        mine = slice(self.rank, None, self.size)
        return Share(x[mine], y[mine], len(y[mine]) / len(y), 1.0)

    def add_up(self, tensors: Sequence[Tensor]) -> None:
        """Replace each float tensor by its sum over all processes, in one message."""
        flat = torch.cat([tensor.detach().reshape(-1) for tensor in tensors])
        _together(lambda: dist.all_reduce(flat))
        parts = flat.split([tensor.numel() for tensor in tensors])
        with torch.no_grad():
            for tensor, part in zip(tensors, parts, strict=True):
                tensor.copy_(part.view(tensor.shape))

    def gathered(self, one: Any) -> list[Any]:
        """What every process gives, in order of their ranks."""
        every: list[Any] = [None] * self.size
        _together(lambda: dist.all_gather_object(every, one))
        return every


class Lost(Exception):
    """Another process of the stage has ended; what it has to say counts."""


def _together(work: Callable[[], Any]) -> None:
    try:
        work()
    except RuntimeError as error:  # torch has no other kind for it
        raise Lost(str(error)) from error


def current() -> World | None:
    """The world that this process is part of; None where it is alone."""
    if not (dist.is_available() and dist.is_initialized()):
        return None
    return World(dist.get_rank(), dist.get_world_size())


@contextmanager
def joined(size: int) -> Iterator[World]:
    """Join the `size` processes that torchrun has started on this machine.

    Each takes one GPU where there are any. Raises ConfigError where there are too few.
    """
    gpus = torch.cuda.device_count()
    if 0 < gpus < size:
        raise ConfigError(
            f"config key recipe.processes: {size} processes need a GPU each and there are {gpus}; "
            + (f"take {gpus}" if gpus > 1 else "leave the key out")
        )
    if gpus:
        torch.cuda.set_device(dist.get_node_local_rank())
    dist.init_process_group("nccl" if gpus else "gloo")
    try:
        world = current()
        assert world is not None
        yield world
    finally:
        dist.destroy_process_group()


def running_statistics(network: nn.Module) -> list[Tensor]:
    """The statistics that the batch norms of a network are collecting."""
    norms = (one for one in network.modules() if isinstance(one, _BatchNorm) and one.training)
    both = ((norm.running_mean, norm.running_var) for norm in norms)
    return [tensor for pair in both for tensor in pair if tensor is not None]
