"""Raw images of one data set into its pack; never more than some of them are in memory."""

import logging
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from lifelong import store
from lifelong.data.pack import CHUNK_IMAGES, KIND
from lifelong.data.photographs import Photographs
from lifelong.data.sources import RawSet, read_source
from lifelong.data.splits import SPLITS, TEST, TRAIN, VALIDATION

_MOST_BYTES = 1 << 20  # of a chunk of images so large that few fit
_LARGE = 1 << 17  # bytes of such an image
_JPEG_CHUNK_BYTES = 1 << 18


def write_pack(
    path: Path, settings: Mapping[str, Any], log: logging.Logger | None = None
) -> dict[str, Any]:
    """Read the source and write its pack; returns images per split, classes and the digest.

    Raises DataError, and writes nothing, where the source cannot be read whole.
    """
    return write_raw(path, read_source(settings, log or logging.getLogger(__name__)))


def write_raw(path: Path, raw: RawSet) -> dict[str, Any]:
    """Write the pack of a data set; returns what `write_pack` does."""
    order = np.argsort(raw.labels, kind="stable")  # a class is one run of rows
    images = _written(raw.images, order)
    arrays = {"labels": raw.labels[order], "split": raw.split[order], **images.arrays()}
    if raw.pairs is not None:
        moved = np.argsort(order)[raw.pairs[:, :2]]
        arrays["pairs"] = np.concatenate([moved, raw.pairs[:, 2:]], axis=1)
    attrs = {"kind": KIND, "classes": list(raw.classes), "groups": list(raw.groups)}
    attrs |= images.attrs()
    digest = store.write_arrays(path, arrays, attrs, images.chunk_rows(), images.late)
    counts = np.bincount(raw.split, minlength=len(SPLITS)).tolist()
    checksums = np.empty_like(images.checksums)
    checksums[order] = images.checksums
    outcome = {
        "images": dict(zip(SPLITS, counts, strict=True)),
        "classes": list(raw.classes),
        "digest": digest,
        "tested_and_trained": _tested_and_trained(raw, checksums),
    }
    return outcome | ({"left_out": dict(raw.left_out)} if raw.left_out else {})


def _written(images: np.ndarray | Photographs, order: np.ndarray) -> "_Pixels | _Jpegs":
    if isinstance(images, Photographs) and images.framing.quality:
        return _Jpegs(images, order)
    return _Pixels(images, order)


@dataclass
class _Pixels:
    """The images in an order as pixels, and their checksums once all have been asked for."""

    images: np.ndarray | Photographs
    order: np.ndarray
    late: tuple[str, ...] = ("crc32",)
    checksums: np.ndarray = field(init=False)

    def __post_init__(self) -> None:
        self.checksums = np.zeros(len(self.order), np.uint32)

    def attrs(self) -> dict[str, Any]:
        return {}

    def arrays(self) -> dict[str, store.Written]:
        images = store.Blocks(len(self.order), self.images.shape[1:], self._blocks)
        return {"crc32": self.checksums, "images": images}

    def chunk_rows(self) -> dict[str, int]:
        """Of large images few: a chunk is read whole, perhaps for the sake of one of them."""
        size = int(np.prod(self.images.shape[1:]))
        return {"images": CHUNK_IMAGES if size <= _LARGE else max(_MOST_BYTES // size, 1)}

    def _blocks(self, rows: int) -> Iterator[np.ndarray]:
        """uint8 (rows, C, H, W), again and again the same memory, the last one perhaps smaller."""
        block = np.empty((rows, *self.images.shape[1:]), np.uint8)
        for done, image in enumerate(self._one_by_one()):
            block[done % rows] = image
            self.checksums[done] = zlib.crc32(block[done % rows].data)
            if (done + 1) % rows == 0:
                yield block
        if rest := len(self.order) % rows:
            yield block[:rest]

    def _one_by_one(self) -> Iterator[np.ndarray]:
        if isinstance(self.images, Photographs):
            return self.images.in_order(self.order.tolist())
        return (self.images[row] for row in self.order)


@dataclass
class _Jpegs:
    """The images in an order as the bytes of JPEGs, one after another.

    Where each ends, and its checksum, is known once all have been asked for.
    """

    images: Photographs
    order: np.ndarray
    late: tuple[str, ...] = ("crc32", "jpeg_ends")
    checksums: np.ndarray = field(init=False)
    ends: np.ndarray = field(init=False)

    def __post_init__(self) -> None:
        self.checksums = np.zeros(len(self.order), np.uint32)
        self.ends = np.zeros(len(self.order), np.int64)

    def attrs(self) -> dict[str, Any]:
        return {"jpeg": list(self.images.shape[1:])}

    def arrays(self) -> dict[str, store.Written]:
        written = store.Blocks(None, (), self._blocks)
        return {"crc32": self.checksums, "jpeg": written, "jpeg_ends": self.ends}

    def chunk_rows(self) -> dict[str, int]:
        return {"jpeg": _JPEG_CHUNK_BYTES}

    def _blocks(self, size: int) -> Iterator[np.ndarray]:
        """Whole chunks, so that the bytes of the file do not depend on where a picture ends."""
        waiting, total = bytearray(), 0
        for done, written in enumerate(self.images.jpegs(self.order.tolist())):
            total += len(written)
            self.checksums[done], self.ends[done] = zlib.crc32(written), total
            waiting += written
            while len(waiting) >= size:
                yield np.frombuffer(bytes(waiting[:size]), np.uint8)
                del waiting[:size]
        if waiting:
            yield np.frombuffer(bytes(waiting), np.uint8)


def _tested_and_trained(raw: RawSet, checksums: np.ndarray) -> int:
    """How many test images are, pixel by pixel, also images to train or decide on."""
    tested = np.flatnonzero(raw.split == TEST)
    others: dict[int, list[int]] = {}
    wanted = np.isin(checksums, checksums[tested]) & np.isin(raw.split, [TRAIN, VALIDATION])
    for row in np.flatnonzero(wanted):
        others.setdefault(int(checksums[row]), []).append(int(row))
    return sum(
        any(np.array_equal(raw.images[row], raw.images[other]) for other in same)
        for row in tested.tolist()
        if (same := others.get(int(checksums[row])))
    )
