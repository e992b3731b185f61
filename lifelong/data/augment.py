"""Random changes of whole batches on the device: parts resized to one size, squares cut out.

What is drawn depends on the seed, the epoch and the step alone, so that training goes on anywhere.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

_TRIES = 10
_USUAL: dict[str, Sequence[float]] = {"scale": (0.08, 1.0), "ratio": (3 / 4, 4 / 3)}
Settings = Mapping[str, Sequence[float]]


@dataclass(frozen=True)
class Boxes:
    """Parts of images in pixels, int64 (N,) each."""

    top: Tensor
    left: Tensor
    height: Tensor
    width: Tensor


def parts(count: int, size: tuple[int, int], settings: Settings, random: torch.Generator) -> Boxes:
    """Random parts of images of a size (height, width), drawn as torchvision's RandomResizedCrop.

    `settings` have the `scale`, a range of the share of the area, and the `ratio` of width to
    height. The first of ten draws that fits counts; else it is the largest part in the middle
    whose ratio is allowed.
    """
    height, width = size
    draws = torch.rand((4, count, _TRIES), generator=random, dtype=torch.float64)
    settings = {**_USUAL, **settings}  # a method's own settings may say only one of them
    (low, high), (narrow, wide) = settings["scale"], settings["ratio"]
    area = height * width * (low + (high - low) * draws[0])
    span = math.log(wide) - math.log(narrow)
    ratio = torch.exp(math.log(narrow) + span * draws[1])
    widths, heights = (area * ratio).sqrt().round(), (area / ratio).sqrt().round()
    fits = (widths >= 1) & (widths <= width) & (heights >= 1) & (heights <= height)
    first = fits.int().argmax(1, keepdim=True)
    wide_, high_, down, right = (
        one.gather(1, first)[:, 0] for one in (widths, heights, draws[2], draws[3])
    )
    top, left = (down * (height - high_ + 1)).floor(), (right * (width - wide_ + 1)).floor()
    drawn = torch.stack([top, left, high_, wide_])
    middle = torch.tensor(_middle(size, narrow, wide), dtype=torch.float64)[:, None]
    top, left, high_, wide_ = torch.where(fits.any(1), drawn, middle).long()
    return Boxes(top, left, high_, wide_)


def _middle(size: tuple[int, int], narrow: float, wide: float) -> tuple[int, int, int, int]:
    """Top, left, height and width of the largest part in the middle with an allowed ratio."""
    height, width = size
    if width / height < narrow:
        part = round(width / narrow), width
    elif width / height > wide:
        part = height, round(height * wide)
    else:
        part = size
    return (height - part[0]) // 2, (width - part[1]) // 2, *part


def resized(images: Tensor, boxes: Boxes, side: int) -> Tensor:
    """The parts of images uint8 (B, C, H, W), each bilinear to `side` pixels square."""
    from torchvision.transforms.v2 import functional  # a second to import

    places = zip(
        *(one.tolist() for one in (boxes.top, boxes.left, boxes.height, boxes.width)), strict=True
    )
    return torch.stack(
        [
            functional.resized_crop(image, *place, [side, side], antialias=True)
            for image, place in zip(images, places, strict=True)
        ]
    )


def cut_out(x: Tensor, side: int, random: torch.Generator) -> Tensor:
    """Normalised images (B, C, H, W) with one square each set to 0 (DeVries and Taylor, 2017).

    Its centre is any pixel of the image, so that at the border part of it is lost.
    """
    rows, columns = (_outside(length, len(x), side, random).to(x.device) for length in x.shape[2:])
    return x * (rows[:, None, :, None] | columns[:, None, None, :])


def _outside(length: int, count: int, side: int, random: torch.Generator) -> Tensor:
    """Which pixels of an axis a square leaves alone: bool (count, length)."""
    centre = torch.randint(length, (count, 1), generator=random)
    places, first = torch.arange(length), centre - side // 2
    return (places < first) | (places >= first + side)
