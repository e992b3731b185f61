"""Accuracy and logits of a network on a split."""

from collections.abc import Callable

import torch
from torch import Tensor

from lifelong.data.batches import Split, eval_batches
from lifelong.layers.model import TaskView
from lifelong.masks import Network

_BATCH = {"cpu": 100, "cuda": 1000}  # CPUs lose their caches with more


@torch.inference_mode()
def logits(
    network: Network | TaskView, split: Split, mean: tuple[float, ...], std: tuple[float, ...]
) -> Tensor:
    """Logits of every image in order: (images, classes) float32 on the device."""
    return _found(network, network, split, mean, std)


@torch.inference_mode()
def embeddings(
    network: Network, split: Split, mean: tuple[float, ...], std: tuple[float, ...]
) -> Tensor:
    """What verification compares, of every image in order: (images, features) on the device."""
    return _found(network, network.embedding, split, mean, std)


def _found(
    network: Network | TaskView,
    look: Callable[[Tensor], Tensor],
    split: Split,
    mean: tuple[float, ...],
    std: tuple[float, ...],
) -> Tensor:
    was_training = network.training
    network.eval()
    size = _BATCH[split.images.device.type]
    batches = eval_batches(split, mean, std, batch_size=size, memory_format=network.form)
    found = torch.cat([look(x) for x, _ in batches])
    network.train(was_training)
    return found


def accuracy(found: Tensor, labels: Tensor) -> float:
    """Share of images whose largest logit is that of their label."""
    return float((found.argmax(1) == labels).double().mean())
