"""Batches from images that live on the device as uint8: crop, flip and normalise, no loader.

One gather a batch replaces a pool of workers that decode files, and nothing waits for the host.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from lifelong.data.augment import Settings, cut_out, parts, resized
from lifelong.data.device_split import Batch, Split, normal_of, statistics
from lifelong.data.pack import TaskArrays
from lifelong.data.splits import TEST, TRAIN, VALIDATION
from lifelong.data.stored import StoredImages
from lifelong.data.streamed import Streamed, shuffled
from lifelong.plan.errors import DataError
from lifelong.plan.seeds import seed_of


class Drawing(Protocol):
    """How training draws its batches, as `TrainBatches` says it; a phase of training knows."""

    @property
    def batch_size(self) -> int: ...

    @property
    def crop_padding(self) -> int: ...

    @property
    def flip(self) -> bool: ...

    @property
    def whole_batches(self) -> bool: ...

    @property
    def resized_crop(self) -> Settings | None: ...

    @property
    def cutout(self) -> int: ...


@dataclass(frozen=True)
class TaskData:
    """One task on the device; `mean` and `std` are per channel, of pixels in [0, 1].

    With a `crop` training sees random squares of so many pixels, and evaluation the centre.
    """

    train: Split
    deciding: Split
    test: Split
    classes: tuple[str, ...]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    deciding_name: Literal["validation", "test"]
    crop: int = 0

    def batches(
        self, how: Drawing, seed: int, memory_format: torch.memory_format
    ) -> "TrainBatches":
        """What training sees; see `TrainBatches`."""
        return TrainBatches(self, how, seed, memory_format)

    def parts(self, network: Any) -> "list[tuple[Any, TaskData]]":
        """The networks that a learner's is made of, and the task of each."""
        return [(network, self)]


def task_data(
    arrays: TaskArrays,
    protocol: Literal["clean", "paper"],
    mean: Sequence[float] | None = None,
    std: Sequence[float] | None = None,
    device: torch.device | str = "cpu",
    crop: int = 0,
    own_split: bool = False,
) -> TaskData:
    """A task's splits by protocol; `mean` and `std` are measured on the training images if absent.

    `clean` decides on the validation split; `paper` trains on it too and decides on the test split.
    With `own_split` each split is normalised by its own statistics, as LASEM's code does; those of
    the training images are then for pictures that belong to no split. Raises DataError where a
    split is empty or the statistics do not fit the channels.
    """
    paper = protocol == "paper"
    learned = np.isin(arrays.split, (TRAIN, VALIDATION) if paper else (TRAIN,))
    train = _split(arrays, learned, "training", device, own_split)
    test = _split(arrays, arrays.split == TEST, "test", device, own_split)
    deciding = test
    if not paper:
        deciding = _split(arrays, arrays.split == VALIDATION, "validation", device, own_split)
    if own_split:
        mean, std = train.mean, train.std
    if mean is None or std is None:
        measured = statistics(_chosen(arrays.images, learned))
        mean, std = mean or measured[0], std or measured[1]
    channels = arrays.images.shape[1]
    if len(mean) != channels or len(std) != channels or min(std) <= 0:
        raise DataError(f"mean and std need {channels} values, one per channel, and std above 0")
    deciding_name: Literal["validation", "test"] = "test" if paper else "validation"
    used = tuple(mean), tuple(std)
    return TaskData(train, deciding, test, arrays.classes, *used, deciding_name, crop)


class TrainBatches:
    """Shuffled, cropped, flipped and normalised batches that depend only on (seed, epoch, step).

    The crop is taken from the image with `crop_padding` black pixels around it, as large as the
    image or of the task's `crop` pixels' side; `flip` mirrors half of the images. A last batch of
    one image is dropped, because batch norm cannot learn from it; `whole_batches` drops every last
    batch that is not full.

    With `resized_crop` (see `augment.parts`) a crop is no square of so many pixels, but a random
    part of the image, without padding, resized to it. `cutout` is the side of a square that is set
    to 0 in every normalised image.
    """

    def __init__(
        self,
        task: "TaskData",
        how: Drawing,
        seed: int,
        memory_format: torch.memory_format = torch.contiguous_format,
    ) -> None:
        split, crop, batch_size = task.train, task.crop, how.batch_size
        self._labels = split.labels
        self._count = len(split.labels)
        if self._count < 2:
            raise DataError("a task needs at least two training images: add some")
        self._batch_size, self._flip, self._seed = batch_size, how.flip, seed
        self._whole = how.whole_batches and self._count >= batch_size
        self._normal = normal_of(split, task.mean, task.std, memory_format)
        self._size = torch.Size((crop, crop)) if crop else split.images.shape[2:]
        self._parts = how.resized_crop if crop else None  # an empty one has the usual ranges
        self._cutout = how.cutout
        self._pad = pad = how.crop_padding if self._parts is None else 0
        self._padded_size = torch.Size(side + 2 * pad for side in split.images.shape[2:])
        self._room = self._padded_size[0] - self._size[0] if self._parts is None else 0
        self._moves = self._parts is None and (self._room > 0 or how.flip)
        self._streamed: Streamed | None = None
        if isinstance(split.images, Streamed):
            self._streamed = split.images
        else:
            self._images = self._laid_out(split.images)

    def __len__(self) -> int:
        """Batches per epoch."""
        if self._whole:
            return self._count // self._batch_size
        lonely = self._batch_size > 1 and self._count % self._batch_size == 1
        return math.ceil(self._count / self._batch_size) - lonely

    def seen(self, epoch: int = 0) -> int:
        """Images that an epoch shows, any of them; a last batch of a single one is left out."""
        return min(self._count, len(self) * self._batch_size)

    def epoch(self, number: int, start: int = 0) -> Iterator[Batch]:
        """Batches `start`, `start` + 1, ... of an epoch: x float32 (B, C, H, W), y int64 (B,)."""
        draws = self._draws(number)
        streamed = self._read(draws.rows, start)
        for step in range(start, len(self)):
            chosen = slice(step * self._batch_size, (step + 1) * self._batch_size)
            rows = draws.rows[chosen]
            if streamed is not None:
                here = torch.arange(len(rows), device=rows.device)
                images = self._moved(self._laid_out(next(streamed)), here, draws, chosen)
            else:
                images = self._moved(self._images, rows, draws, chosen)
            if self._parts is not None:
                images = self._resized(images, draws, chosen, self._random("parts", number, step))
            x = self._normal(images)
            if self._cutout:
                x = cut_out(x, self._cutout, self._random("cutout", number, step))
            yield x, self._labels.index_select(0, rows)

    def _random(self, what: str, epoch: int, step: int) -> torch.Generator:
        """Of what is drawn batch by batch, on the host, which has to know it."""
        return torch.Generator().manual_seed(seed_of(self._seed, epoch, what, step))

    def _resized(
        self, images: Tensor, draws: "_Draws", chosen: slice, random: torch.Generator
    ) -> Tensor:
        height, width = images.shape[2:]
        boxes = parts(len(images), (height, width), self._parts or {}, random)
        images = resized(images, boxes, self._size[0])
        if draws.mirrored is None:
            return images
        return torch.where(draws.mirrored[chosen, None, None, None], images.flip(3), images)

    def _draws(self, epoch: int) -> "_Draws":
        near = None
        if self._streamed is not None:
            near = self._streamed.block(), self._streamed.window(self._batch_size)
        place = self._seed, epoch, self._labels.device
        return _Draws(self._count, self._room, self._flip, *place, near)

    def _read(self, order: Tensor, start: int) -> Iterator[Tensor] | None:
        if self._streamed is None:
            return None
        size = self._batch_size
        return self._streamed.batches(
            order.numpy(force=True), size, start, self._streamed.window(size)
        )

    def _laid_out(self, images: Tensor) -> Tensor:
        """With room around; one row a pixel where they move, so that a batch is one gather."""
        padded = functional.pad(images, (self._pad,) * 4) if self._pad else images
        if not self._moves:
            return padded
        return padded.permute(0, 2, 3, 1).reshape(-1, padded.shape[1]).contiguous()

    def _moved(self, laid_out: Tensor, rows: Tensor, draws: "_Draws", chosen: slice) -> Tensor:
        """Rows of images that are laid out, as the draws of these images say."""
        if not self._moves:
            return laid_out.index_select(0, rows)
        height, width = self._size
        padded_height, padded_width = self._padded_size
        down = torch.arange(height, device=rows.device)
        right = torch.arange(width, device=rows.device).expand(len(rows), width)
        if draws.mirrored is not None:
            right = torch.where(draws.mirrored[chosen, None], right.flip(1), right)
        if draws.corners is not None:
            down = down + draws.corners[chosen, 0, None]
            right = right + draws.corners[chosen, 1, None]
        lines = (rows[:, None] * padded_height + down) * padded_width
        pixels = (lines[:, :, None] + right[:, None, :]).flatten()
        images = laid_out.index_select(0, pixels)
        return images.view(len(rows), height, width, -1).permute(0, 3, 1, 2)


class _Draws:
    """All random choices of one epoch, made at once on the device, the i-th for its i-th image."""

    def __init__(
        self,
        count: int,
        room: int,
        flip: bool,
        seed: int,
        epoch: int,
        device: torch.device,
        near: tuple[int, int] | None = None,
    ) -> None:
        random = torch.Generator(device).manual_seed(seed_of(seed, epoch))
        self.rows = shuffled(count, *(near or (1, count)), random)
        self.corners: Tensor | None = None
        self.mirrored: Tensor | None = None
        if room:
            shape = (count, 2)
            self.corners = torch.randint(room + 1, shape, generator=random, device=device)
        if flip:
            self.mirrored = torch.rand(count, generator=random, device=device) < 0.5


def _split(
    arrays: TaskArrays, chosen: np.ndarray, name: str, device: torch.device | str, own: bool
) -> Split:
    if not chosen.any():
        raise DataError(f"the task has no {name} images: check its {name} share and its files")
    images = _chosen(arrays.images, chosen)
    pixels = len(images) * images.shape[2] * images.shape[3]
    measured = statistics(images, 1 / math.sqrt(pixels)) if own else (None, None)
    there: Tensor | Streamed
    if isinstance(images, StoredImages):
        there = Streamed(images, device)
    else:
        there = torch.from_numpy(images).to(device)
    return Split(there, torch.from_numpy(arrays.labels[chosen]).to(device), *measured)


def _chosen(images: np.ndarray | StoredImages, mask: np.ndarray) -> np.ndarray | StoredImages:
    return images.of(mask) if isinstance(images, StoredImages) else images[mask]
