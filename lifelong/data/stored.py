"""Images that stay in their pack, as pixels or as JPEGs, and are read where somebody looks."""

import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from lifelong import store
from lifelong.data.images import of_jpeg
from lifelong.data.photographs import in_order
from lifelong.plan.errors import DamagedFile

FAILED = "has images that fail their checksum"
_GAP_BYTES = 1 << 18  # that are read along rather than skipped
_RUN_GAPS = 32  # as long as so many of these a run of images is read at once
_PIECE = 16  # images that a thread decodes in one go
Kept = np.ndarray | bytes  # one image as its pack has it


def checksum_of(image: Kept) -> int:
    """The CRC-32 of the bytes of an image."""
    return zlib.crc32(image if isinstance(image, bytes) else image.tobytes())


def as_they_are(images: np.ndarray) -> np.ndarray:
    return images


@dataclass(frozen=True)
class StoredImages:
    """Images of a pack, uint8 (N, C, H, W), none of which is in memory.

    `rows` of the pack are rising; `checksums` has one for each of them. `ends` says where the JPEGs
    of all rows of the pack end, None for pixels. `change` is what a task does to its images. All
    that reads raises DamagedFile where a checksum fails.
    """

    path: Path
    rows: np.ndarray
    checksums: np.ndarray
    image_shape: tuple[int, int, int]
    ends: np.ndarray | None = None
    change: Callable[[np.ndarray], np.ndarray] = as_they_are
    workers: int = 1

    @property
    def shape(self) -> tuple[int, int, int, int]:
        return (len(self.rows), *self.image_shape)

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def image_bytes(self) -> int:
        """Of an image as it is kept; of JPEGs the mean, rounded up."""
        if self.ends is None:
            return int(np.prod(self.image_shape))
        lengths = np.diff(self.ends, prepend=0)[self.rows]
        return -int(-lengths.sum() // max(len(lengths), 1))

    def of(self, chosen: np.ndarray) -> "StoredImages":
        """Those that a mask, or rising numbers, choose."""
        return replace(self, rows=self.rows[chosen], checksums=self.checksums[chosen])

    def same_as(self, other: "StoredImages") -> bool:
        """Whether both are the same images by their checksums, seen in the same way."""
        seen = (self.image_shape, _parts(self.change))
        return seen == (other.image_shape, _parts(other.change)) and np.array_equal(
            self.checksums, other.checksums
        )

    def __getitem__(self, part: slice) -> np.ndarray:
        kept = self.fetch(np.arange(len(self))[part])
        pieces = [kept[at : at + _PIECE] for at in range(0, len(kept), _PIECE)]
        return np.concatenate(list(in_order(self.pixels, pieces, self.workers)))

    def blocks(self, size: int) -> Iterator[np.ndarray]:
        """All images in their order, so many at a time."""
        return (self[start : start + size] for start in range(0, len(self), size))

    def fetch(self, at: np.ndarray) -> list[Kept]:
        """The images with these numbers, in this order, as the pack keeps them."""
        rising = np.argsort(at, kind="stable")
        rows, checksums = self.rows[at[rising]], self.checksums[at[rising]]
        kept: list[Kept] = [b""] * len(at)
        for place, image, checksum in zip(rising, self._read(rows), checksums, strict=True):
            if checksum_of(image) != checksum:
                raise DamagedFile(self.path, FAILED)
            kept[place] = image
        return kept

    def pixels(self, kept: Sequence[Kept]) -> np.ndarray:
        """What was fetched as a task sees it, uint8 (n, C, H, W)."""
        images = np.empty((len(kept), *self.image_shape), np.uint8)
        for image, one in zip(images, kept, strict=True):
            image[...] = of_jpeg(one, len(image), str(self.path)) if isinstance(one, bytes) else one
        return self.change(images)

    def _read(self, rows: np.ndarray) -> Iterator[Kept]:
        """Rows of the pack, rising; what lies far between them is not read."""
        if self.ends is None:
            gap = _GAP_BYTES // self.image_bytes
            runs, name = _runs(rows, rows + 1, gap), "images"
        else:
            first, last = np.where(rows > 0, self.ends[rows - 1], 0), self.ends[rows]
            runs, name = _runs(first, last, _GAP_BYTES), "jpeg"
        blocks = store.read_runs(self.path, name, [run for run, _ in runs])
        for (run, spans), block in zip(runs, blocks, strict=True):
            for start, end in spans:
                one = block[start - run.start : end - run.start]
                yield one[0].copy() if self.ends is None else one.tobytes()


def _parts(change: Callable[[np.ndarray], np.ndarray]) -> tuple[Any, ...]:
    """What a partial function is made of: two of them are equal only if they are one."""
    if isinstance(change, partial):
        return change.func, change.args, change.keywords
    return (change,)


def _runs(
    first: np.ndarray, last: np.ndarray, gap: int
) -> list[tuple[slice, list[tuple[int, int]]]]:
    """Rising spans [first, last) joined where they lie at most so far apart, up to some length."""
    runs: list[list[tuple[int, int]]] = []
    most = _RUN_GAPS * max(gap, 1)
    for start, end in zip(first.tolist(), last.tolist(), strict=True):
        if runs and start - runs[-1][-1][1] <= gap and end - runs[-1][0][0] <= most:
            runs[-1].append((start, end))
        else:
            runs.append([(start, end)])
    return [(slice(spans[0][0], spans[-1][1]), spans) for spans in runs]
