"""Batches of images that stay in their pack: read window by window, decoded by threads, ahead.

Memory holds two windows, one in use and one being read, and some batches; never the task.
"""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor

from lifelong.data.photographs import in_order
from lifelong.data.stored import Kept, StoredImages

WINDOW_BYTES = 1 << 28  # of images as their pack keeps them
_BLOCK_BYTES = 1 << 18


class Streamed:
    """Images uint8 (N, C, H, W) that come to the device a batch at a time."""

    def __init__(self, stored: StoredImages, device: torch.device | str) -> None:
        self._stored, self.device = stored, torch.device(device)
        self.shape = torch.Size(stored.shape)

    def split(self, size: int) -> Iterator[Tensor]:
        """All images in their order."""
        return self.batches(np.arange(len(self._stored)), size, 0, self.window(size))

    def at(self, numbers: Sequence[int]) -> Tensor:
        """The images with these numbers, in this order."""
        return next(self.batches(np.array(numbers), len(numbers), 0, len(numbers)))

    def same_as(self, other: "Streamed") -> bool:
        """Whether these are the very same images, as far as can be told without reading them."""
        return self._stored.same_as(other._stored)

    def window(self, batch_size: int) -> int:
        """How many images a window has: whole batches."""
        count = WINDOW_BYTES // max(self._stored.image_bytes, 1)
        return max(count // batch_size, 1) * batch_size

    def block(self) -> int:
        """How many images lie close enough together to be read in one go."""
        return max(_BLOCK_BYTES // max(self._stored.image_bytes, 1), 1)

    def batches(self, order: np.ndarray, size: int, start: int, window: int) -> Iterator[Tensor]:
        """The batches `start`, `start` + 1, ... of an order; each window of it is read at once."""
        kept = self._kept(order, size, start, window)
        for images in in_order(self._stored.pixels, kept, self._stored.workers):
            batch = torch.from_numpy(images)
            if self.device.type == "cuda":
                batch = batch.pin_memory()
            yield batch.to(self.device, non_blocking=True)

    def _kept(self, order: np.ndarray, size: int, start: int, window: int) -> Iterator[list[Kept]]:
        first = start * size
        edges = [first, *range((first // window + 1) * window, len(order), window), len(order)]
        parts = [order[a:b] for a, b in pairwise(edges) if a < b]
        if not parts:
            return
        with ThreadPoolExecutor(1) as reader:
            coming = reader.submit(self._stored.fetch, parts[0])
            for following in [*parts[1:], None]:
                kept = coming.result()
                if following is not None:
                    coming = reader.submit(self._stored.fetch, following)
                for at in range(0, len(kept), size):
                    yield kept[at : at + size]


def shuffled(count: int, block: int, window: int, random: torch.Generator) -> Tensor:
    """An order of so many images in which every window comes from few places of the pack.

    Blocks of neighbours are shuffled, and then the images within each window. Of images that fit
    one window it is any order, as for those in memory.
    """
    device = random.device
    if count <= window:
        return torch.randperm(count, generator=random, device=device)
    starts = torch.randperm(-(-count // block), generator=random, device=device) * block
    order = (starts[:, None] + torch.arange(block, device=device)).flatten()
    parts = order[order < count].split(window)
    return torch.cat(
        [one[torch.randperm(len(one), generator=random, device=device)] for one in parts]
    )
