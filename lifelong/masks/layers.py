"""Which tensors of a network are shared between tasks, and which belong to one task."""

import torch
from torch import Tensor, nn

from lifelong.nets import TOP_LEFT, Growth, TaskNetwork, copy_into

Shareable = nn.Conv2d | nn.Linear


def shareable(network: TaskNetwork) -> dict[str, Shareable]:
    """Every convolution and hidden linear layer of the body, by name; the head is the task's."""
    modules = network.body.named_modules()
    return {name: module for name, module in modules if isinstance(module, (nn.Conv2d, nn.Linear))}


def dense(network: TaskNetwork) -> dict[str, Tensor]:
    """The task's own tensors: norms with their statistics, biases, slopes and the head."""
    shared = {f"body.{name}.weight" for name in shareable(network)}
    state = network.state_dict(keep_vars=True)
    return {
        name: tensor
        for name, tensor in state.items()
        if name not in shared and not name.endswith("num_batches_tracked")
    }


@torch.no_grad()
def load_dense(
    network: TaskNetwork, values: dict[str, Tensor], head: bool, growth: Growth = TOP_LEFT
) -> None:
    """Copy a task's own tensors into their part of a network's, the head only if asked."""
    for name, tensor in dense(network).items():
        if head or not name.startswith("head."):
            layer = name.removeprefix("body.").rpartition(".")[0]
            block = growth.block(layer, values[name].shape)
            copy_into(tensor.data, values[name].to(tensor.device), block)


def free_parameters(network: TaskNetwork) -> list[Tensor]:
    """The parameters every task trains for itself: norms, biases, slopes, head."""
    return [tensor for tensor in dense(network).values() if isinstance(tensor, nn.Parameter)]


def head_parameters(network: TaskNetwork) -> list[Tensor]:
    """Those of the head."""
    return list(network.head.parameters())


def flat(tensor: Tensor) -> Tensor:
    """A tensor's entries in the order of memory: one dimension, whatever its memory format."""
    return tensor.detach().as_strided((tensor.numel(),), (1,))
