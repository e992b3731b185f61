"""The images of one split on the device, and how their pixels become what a network sees."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from lifelong.data.stored import StoredImages
from lifelong.data.streamed import Streamed

Batch = tuple[Tensor, Tensor]
_MEASURE_IMAGES = 256
_SMALLEST_STD = 1 / 255


@dataclass(frozen=True)
class Split:
    """Images uint8 (N, C, H, W) and labels int64 (N,), on the device; or images still in a pack.

    A split with `mean` and `std` of its own is normalised by these, whatever is said elsewhere.
    Images that are float32 are features, and pass unchanged.
    """

    images: Tensor | Streamed
    labels: Tensor
    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None


def images_at(split: Split, numbers: Sequence[int]) -> Tensor:
    """Images of a split by their numbers, uint8 (n, C, H, W)."""
    if isinstance(split.images, Streamed):
        return split.images.at(numbers)
    return split.images[list(numbers)]


def same_images(one: Split, other: Split) -> bool:
    """Whether two splits show the very same images in the same order."""
    ours, theirs = one.images, other.images
    if isinstance(ours, Streamed) and isinstance(theirs, Streamed):
        return ours.same_as(theirs)
    if isinstance(ours, Streamed) or isinstance(theirs, Streamed):
        return False
    return torch.equal(ours, theirs)


def statistics(
    images: np.ndarray | StoredImages, smallest_std: float = _SMALLEST_STD
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and standard deviation per channel of uint8 (N, C, H, W) scaled to [0, 1].

    Exact: they come from counts of the 256 values, so the order of images does not matter.
    """
    counts = np.zeros((images.shape[1], 256), dtype=np.int64)
    for first in range(0, len(images), _MEASURE_IMAGES):
        block = images[first : first + _MEASURE_IMAGES]
        for channel, row in enumerate(counts):
            row += np.bincount(block[:, channel].ravel(), minlength=256)
    share = counts / counts.sum(axis=1, keepdims=True)
    values = np.arange(256) / 255
    mean = share @ values
    std = np.sqrt((share * (values - mean[:, None]) ** 2).sum(axis=1))
    # A channel of one value cannot be scaled to unit deviation: one grey level stands in for it.
    return tuple(mean.tolist()), tuple(np.maximum(std, smallest_std).tolist())


def eval_batches(
    split: Split,
    mean: Sequence[float],
    std: Sequence[float],
    batch_size: int = 500,
    memory_format: torch.memory_format = torch.contiguous_format,
) -> Iterator[Batch]:
    """All images in their order, only normalised: x float32 (B, C, H, W), y int64 (B,)."""
    normal = normal_of(split, mean, std, memory_format)
    for images, labels in zip(
        split.images.split(batch_size), split.labels.split(batch_size), strict=True
    ):
        yield normal(images), labels


class Normal:
    """uint8 (N, C, H, W) to (x / 255 - mean) / std, float32, as one multiply-add."""

    def __init__(
        self,
        mean: Sequence[float],
        std: Sequence[float],
        device: torch.device | str,
        memory_format: torch.memory_format = torch.contiguous_format,
    ) -> None:
        pairs = list(zip(mean, std, strict=True))
        scale = [[[1 / (255 * deviation)]] for _, deviation in pairs]
        shift = [[[-centre / deviation]] for centre, deviation in pairs]
        self._scale = torch.tensor(scale, dtype=torch.float32, device=device)
        self._shift = torch.tensor(shift, dtype=torch.float32, device=device)
        self._memory_format = memory_format

    def __call__(self, images: Tensor) -> Tensor:
        pixels = images.to(torch.float32, memory_format=self._memory_format)
        return torch.addcmul(self._shift, pixels, self._scale)


def normal_of(
    split: Split, mean: Sequence[float], std: Sequence[float], form: torch.memory_format
) -> Callable[[Tensor], Tensor]:
    """What normalises the images of a split; features are left as they are."""
    if isinstance(split.images, Tensor) and split.images.is_floating_point():
        return lambda features: features
    return Normal(split.mean or mean, split.std or std, split.images.device, form)
