"""Photographs as an array of which only a few are ever in memory, decoded by several threads.

Pillow's decoders and its resizing let other threads run meanwhile, so that threads are enough. What
they give does not depend on how many there are.
"""

import logging
import sys
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol, TypeVar

import numpy as np
from PIL import Image
from tqdm import tqdm

from lifelong.data.images import BadPicture, Framing, as_jpeg, decode, framed, of_jpeg, own_jpeg
from lifelong.plan.errors import DataError

_AHEAD = 4  # pictures per thread that wait to be used
_LOG_EVERY_S = 5.0
_LOG = logging.getLogger(__name__)
_T = TypeVar("_T")
_S = TypeVar("_S")
Box = tuple[int, int, int, int]  # left, top, right, bottom in pixels


class Pictures(Protocol):
    """Pictures that can be opened by number."""

    def __len__(self) -> int: ...

    def image(self, row: int) -> Image.Image:
        """One picture, of mode L or RGB. Raises BadPicture or another DataError."""

    def name(self, row: int) -> str:
        """What messages call it."""

    def own_jpeg(self, row: int, framing: Framing) -> bytes | None:
        """The bytes that it is stored as, where they need no change."""


@dataclass(frozen=True)
class PhotographFiles:
    """Picture files, of which `boxes`, where there are some, are what is to be seen."""

    paths: Sequence[Path]
    boxes: Sequence[Box] | None = None

    def __len__(self) -> int:
        return len(self.paths)

    def image(self, row: int) -> Image.Image:
        image = decode(self.paths[row])
        if self.boxes is None:
            return image
        left, top, right, bottom = self.boxes[row]
        box = max(left, 0), max(top, 0), min(right, image.width), min(bottom, image.height)
        if box[0] >= box[2] or box[1] >= box[3]:
            raise DataError(
                f"{self.name(row)} is {image.width}x{image.height}, and its box {self.boxes[row]} "
                "lies beside it: unpack the published files again"
            )
        return image.crop(box)

    def name(self, row: int) -> str:
        return str(self.paths[row])

    def own_jpeg(self, row: int, framing: Framing) -> bytes | None:
        return None if self.boxes else own_jpeg(self.paths[row], framing)


@dataclass(frozen=True)
class Photographs:
    """Pictures as an array uint8 (N, channels, side, side): read where somebody looks at them.

    Raises DataError with their number where some cannot be read, naming all of them in the log.
    """

    pictures: Pictures
    framing: Framing
    workers: int = 1
    rows: np.ndarray | None = None  # of the pictures, where not all count
    log: logging.Logger = _LOG

    @property
    def shape(self) -> tuple[int, int, int, int]:
        count = len(self.pictures) if self.rows is None else len(self.rows)
        return (count, self.framing.channels, self.framing.side, self.framing.side)

    @property
    def dtype(self) -> np.dtype:
        return np.dtype(np.uint8)

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, row: int) -> np.ndarray:
        at, framing = self._at(row), self.framing
        if framing.quality:
            return of_jpeg(self.jpeg(row), framing.channels, self.pictures.name(at))
        return framed(self.pictures.image(at), framing, self.pictures.name(at))

    def jpeg(self, row: int) -> bytes:
        """One picture as a pack of JPEGs keeps it: as it is, if it can be."""
        at = self._at(row)
        image = self.pictures.image(at)  # whether or not it is kept: it may be broken
        own = self.pictures.own_jpeg(at, self.framing)
        return own or as_jpeg(image, self.framing, self.pictures.name(at))

    def _at(self, row: int) -> int:
        return int(row if self.rows is None else self.rows[row])

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        images = np.empty(self.shape, np.uint8)
        for row, image in enumerate(self.in_order(range(len(self)))):
            images[row] = image
        return images

    def name(self, row: int) -> str:
        return self.pictures.name(self._at(row))

    def of(self, rows: np.ndarray) -> "Photographs":
        """Only some of them."""
        return replace(self, rows=rows if self.rows is None else self.rows[rows])

    def in_order(self, rows: Iterable[int]) -> Iterator[np.ndarray]:
        """The images of these rows, several being read at a time."""
        return _whole(self._read(self.__getitem__, rows), self.log)

    def jpegs(self, rows: Iterable[int]) -> Iterator[bytes]:
        """The same as the bytes of JPEGs."""
        return _whole(self._read(self.jpeg, rows), self.log)

    def unusable(self) -> dict[int, BadPicture]:
        """By row, what is wrong with pictures. Raises other DataErrors."""
        results = self._read(self.__getitem__, range(len(self)))
        return {row: image for row, image in enumerate(results) if isinstance(image, BadPicture)}

    def _read(self, look: Callable[[int], _T], rows: Iterable[int]) -> Iterator[_T | BadPicture]:
        def one(row: int) -> _T | BadPicture:
            try:
                return look(row)
            except BadPicture as error:
                return error

        return in_order(one, _watched(list(rows), self.log), self.workers)


def in_order(work: Callable[[_S], _T], over: Iterable[_S], workers: int) -> Iterator[_T]:
    """The results of `work`, in the order of what it is called with, made by so many threads."""
    if workers < 2:
        yield from map(work, over)
        return
    waiting: deque[Future[_T]] = deque()
    pool = ThreadPoolExecutor(workers)
    try:
        for one in over:
            waiting.append(pool.submit(work, one))
            if len(waiting) >= _AHEAD * workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:  # also where nobody wants the rest
        pool.shutdown(cancel_futures=True)


def _whole(images: Iterator[_T | BadPicture], log: logging.Logger) -> Iterator[_T]:
    """All images. After the first bad one the others are only looked at, to name all in one go."""
    bad: list[BadPicture] = []
    for image in images:
        if isinstance(image, BadPicture):
            bad.append(image)
        elif not bad:
            yield image
    if len(bad) == 1:
        raise bad[0]
    if bad:
        for one in bad:
            log.error("%s", one)
        raise DataError(
            f"{bad[0].name} and {len(bad) - 1} more cannot be used as pictures, the log says why: "
            "mend or remove them, or set bad_images: skip"
        )


def _watched(rows: Sequence[int], log: logging.Logger) -> Iterable[int]:
    return tqdm(rows, unit="image") if sys.stderr.isatty() else _logged(rows, log)


def _logged(rows: Sequence[int], log: logging.Logger) -> Iterator[int]:
    due = time.monotonic() + _LOG_EVERY_S
    for done, row in enumerate(rows):
        if time.monotonic() >= due:
            log.info("%d of %d images read", done, len(rows))
            due = time.monotonic() + _LOG_EVERY_S
        yield row
