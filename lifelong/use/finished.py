"""A finished model at work: its tasks' cards, their networks, and what these say of images."""

from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from lifelong.data.device_split import Split
from lifelong.data.tasks import changed
from lifelong.families import family_of
from lifelong.plan.card import Card
from lifelong.plan.errors import DataError, UserError
from lifelong.train.evaluate import embeddings, logits
from lifelong.use.load import finished_model

_KEPT_BYTES = 1 << 30  # of networks that were put together and may be asked again


class Finished:
    """A finished model from its folder or packed file, on a device.

    `files`: the shards it was read from, or pieces of the packed file.
    """

    def __init__(self, path: Path, device: str) -> None:
        self.path, self.device = path, device
        self._model, self.files = finished_model(path)
        self.cards: list[Card] = [part.card for part in self._model.shards]
        self._networks: OrderedDict[int, Any] = OrderedDict()

    def position(self, task: str) -> int:
        """Of a task among the tasks, from 1. Raises UserError."""
        names = [card.task for card in self.cards]
        if task not in names:
            raise UserError(f"{self.path} has no task {task!r}; it has {', '.join(names)}")
        return names.index(task) + 1

    def fresh(self, position: int) -> Any:
        """A task's network, put together for whoever asks."""
        return self._model.view(position, self.device)

    def logits(self, position: int, pixels: np.ndarray) -> Tensor:
        """(N, classes) of uint8 images (N, C, S, S) on the device, in batches as `infer` does.

        Raises DataError where they are no numbers.
        """
        card = self.cards[position - 1]
        split, network = self._split(card, pixels), self._network(position)
        return _finite(logits(network, split, card.mean, card.std), card)

    def embeddings(self, position: int, pixels: np.ndarray, mirrored: bool = False) -> Tensor:
        """(N, features) of uint8 images (N, C, S, S), or of their mirror images.

        Raises UserError where the task's network has no embedding, DataError as `logits` does.
        """
        card = self.cards[position - 1]
        if not family_of(card.base).embeds:
            raise UserError(
                f"task {card.task} of {self.path} shares whole layers and has no embedding to "
                "compare pictures by: use another task, or its classes"
            )
        split, network = self._split(card, pixels, mirrored), self._network(position)
        return _finite(embeddings(network, split, card.mean, card.std), card)

    def _network(self, position: int) -> Any:
        """A task's network; those asked for last are kept while there is room."""
        if position not in self._networks:
            self._networks[position] = self.fresh(position)
        self._networks.move_to_end(position)
        while len(self._networks) > 1 and sum(map(_bytes, self._networks.values())) > _KEPT_BYTES:
            self._networks.popitem(last=False)
        return self._networks[position]

    def _split(self, card: Card, pixels: np.ndarray, mirrored: bool = False) -> Split:
        images = torch.from_numpy(shown(card, pixels)).to(self.device)
        images = images.flip(-1) if mirrored else images
        return Split(images, torch.zeros(len(images), dtype=torch.int64, device=self.device))


def shown(card: Card, pixels: np.ndarray) -> np.ndarray:
    """Images uint8 (N, C, S, S) as a task shows them to its network."""
    return changed(pixels, card.noise, card.channel_order, card.pixel_order)


def _bytes(network: Any) -> int:
    return sum(one.numel() * one.element_size() for one in network.state_dict().values())


def _finite(outputs: Tensor, card: Card) -> Tensor:
    if not outputs.isfinite().all():
        raise DataError(
            f"the network of task {card.task} gives no numbers, its training diverged: "
            "train it with a lower learning rate"
        )
    return outputs
