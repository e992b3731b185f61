"""Accuracy and logits of a network on a split."""

from collections.abc import Callable
from typing import Any, Protocol

import torch
from torch import Tensor
from torch.nn import functional

from lifelong.data.batches import TaskData
from lifelong.data.device_split import Split, eval_batches
from lifelong.data.lessons import LessonData
from lifelong.train.device import exact_products


class Viewed(Protocol):
    """A network that classifies images; `form` is the memory format it wants them in."""

    form: torch.memory_format
    training: bool

    def __call__(self, x: Tensor) -> Tensor: ...

    def train(self, mode: bool = True) -> object: ...

    def eval(self) -> object: ...


class Embedding(Viewed, Protocol):
    """A network that also gives the features that verification compares."""

    def embedding(self, x: Tensor) -> Tensor: ...


class Featured(Viewed, Protocol):
    """A network that also gives what its head sees."""

    def features(self, x: Tensor) -> Tensor: ...


_BATCH = {"cpu": 100, "cuda": 1000}  # larger ones do not fit the caches of CPUs


@torch.inference_mode()
def logits(
    network: Viewed, split: Split, mean: tuple[float, ...], std: tuple[float, ...]
) -> Tensor:
    """Logits of every image in order: (images, classes) float32 on the device."""
    return _look_at(network, network, split, mean, std)


@torch.inference_mode()
def embeddings(
    network: Embedding, split: Split, mean: tuple[float, ...], std: tuple[float, ...]
) -> Tensor:
    """The features that verification compares, of every image in order: (images, features)."""
    return _look_at(network, network.embedding, split, mean, std)


@torch.inference_mode()
def features(
    network: Featured, split: Split, mean: tuple[float, ...], std: tuple[float, ...]
) -> Tensor:
    """What the head sees of every image in order: (images, features) float32 on the device."""
    return _look_at(network, network.features, split, mean, std)


def _look_at(
    network: Viewed,
    look: Callable[[Tensor], Tensor],
    split: Split,
    mean: tuple[float, ...],
    std: tuple[float, ...],
) -> Tensor:
    was_training = network.training
    network.eval()
    size = _BATCH[split.images.device.type]
    batches = eval_batches(split, mean, std, batch_size=size, memory_format=network.form)
    with exact_products(split.images.device.type):  # whatever training did
        outputs = torch.cat([look(x) for x, _ in batches])
    network.train(was_training)
    return outputs


def deciding(
    network: Any, data: TaskData | LessonData, with_loss: bool
) -> tuple[list[float], list[float]]:
    """Accuracy, and the loss where asked for, of each task of a learner on its deciding split."""
    accuracies, losses = [], []
    for view, task in data.parts(network):
        found, labels = logits(view, task.deciding, task.mean, task.std), task.deciding.labels
        accuracies.append(accuracy(found, labels))
        if with_loss:
            losses.append(mean_loss(found, labels))
    return accuracies, losses


def accuracy(logits: Tensor, labels: Tensor) -> float:
    """Share of images whose largest logit is that of their label."""
    return float((logits.argmax(1) == labels).double().mean())


def mean_loss(logits: Tensor, labels: Tensor) -> float:
    """The mean cross entropy."""
    return float(functional.cross_entropy(logits, labels))
