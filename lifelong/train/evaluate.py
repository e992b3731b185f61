"""Accuracy and logits of a network on a split."""

import torch
from torch import Tensor

from lifelong.data.batches import Split, eval_batches
from lifelong.masks import Network

_BATCH = {"cpu": 100, "cuda": 1000}  # CPUs lose their caches with more


@torch.inference_mode()
def logits(
    network: Network, split: Split, mean: tuple[float, ...], std: tuple[float, ...]
) -> Tensor:
    """Logits of every image in order: (images, classes) float32 on the device."""
    was_training = network.training
    network.eval()
    size = _BATCH[split.images.device.type]
    batches = eval_batches(split, mean, std, batch_size=size, memory_format=network.form)
    found = torch.cat([network(x) for x, _ in batches])
    network.train(was_training)
    return found


def accuracy(found: Tensor, labels: Tensor) -> float:
    """Share of images whose largest logit is that of their label."""
    return float((found.argmax(1) == labels).double().mean())
