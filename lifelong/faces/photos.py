"""Photographs to aligned faces: read, find, choose, cut; a row for every one of them."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Protocol

import numpy as np

from lifelong.faces.align import (
    RULES,
    TEMPLATE_SIDE,
    Box,
    Size,
    centre_box,
    choose,
    crop,
    margin_box,
    proportional_box,
    similarity,
    warp,
)
from lifelong.faces.detect import Faces
from lifelong.faces.read import MAX_PIXELS, MIN_SIDE_PX, Photo, read_photo
from lifelong.faces.rows import FaceRow, Status
from lifelong.plan.errors import ConfigError, DataError

GEOMETRIES = ("margin", "proportional", "similarity")
NO_FACE = ("drop", "center_crop", "fail")


@dataclass(frozen=True)
class FaceAlignment:
    """How a set is aligned; raises ConfigError where the values do not fit together.

    `margin` is in source pixels for `margin`, a share of the face for `proportional`, unused for
    `similarity`, whose side is 112. `rule` is one of `align.RULES`. `no_face` says what becomes of
    a photograph without a face: `drop` leaves it out, `center_crop` takes the central square of
    `central` of its shorter side, `fail` raises.
    """

    geometry: str
    side: int
    margin: float = 0.0
    rule: str = "centred"
    no_face: str = "drop"
    central: float = 0.6
    min_side_px: int = MIN_SIDE_PX
    max_pixels: int = MAX_PIXELS

    def __post_init__(self) -> None:
        if self.geometry not in GEOMETRIES:
            raise ConfigError(f"geometry {self.geometry} is none of {', '.join(GEOMETRIES)}")
        if self.rule not in RULES:
            raise ConfigError(f"rule {self.rule} is none of {', '.join(RULES)}")
        if self.no_face not in NO_FACE:
            raise ConfigError(f"no_face {self.no_face} is none of {', '.join(NO_FACE)}")
        if self.geometry == "similarity" and self.side != TEMPLATE_SIDE:
            raise ConfigError(f"side must be {TEMPLATE_SIDE} for similarity, not {self.side}")
        if not 0 < self.central <= 1:
            raise ConfigError(f"central must be above 0 and at most 1, not {self.central}")


ALIGNMENTS = {
    "facenet_182": FaceAlignment("margin", 182, 44),  # what FaceNet and PAE train on
    "facenet_160": FaceAlignment("margin", 160, 32),  # their LFW
    "sphereface_112": FaceAlignment("similarity", TEMPLATE_SIDE),
}


class Finder(Protocol):
    """What finds faces; `detect.Detector` is one."""

    def detect(self, images: list[np.ndarray]) -> list[Faces]: ...


def align_photos(
    paths: Iterable[Path], finder: Finder, how: FaceAlignment, batch: int = 1
) -> Iterator[tuple[FaceRow, np.ndarray | None]]:
    """Each photograph's row and aligned face, uint8 (side, side, 3), or None, in order.

    `batch` photographs are in memory at once, which pays where the finder searches as many of one
    size together. Raises DataError naming the photograph where none
    of its faces can be used and `no_face` is `fail`.
    """
    waiting = iter(paths)
    while chunk := list(islice(waiting, batch)):
        photos = [read_photo(path, how.min_side_px, how.max_pixels) for path in chunk]
        readable = [photo.pixels for photo in photos if photo.pixels is not None]
        detections = iter(finder.detect(readable))
        for path, photo in zip(chunk, photos, strict=True):
            if photo.pixels is None:
                yield _refused(path, photo), None
            else:
                yield align(str(path), photo.pixels, next(detections), how)


def align(
    name: str, pixels: np.ndarray, faces: Faces, how: FaceAlignment
) -> tuple[FaceRow, np.ndarray | None]:
    """The row of a picture uint8 (H, W, 3) with known faces, and its aligned face or None."""
    size = (pixels.shape[1], pixels.shape[0])
    row = FaceRow(name, Status.NO_FACE, width=size[0], height=size[1], faces=len(faces))
    chosen = choose(faces.boxes, faces.probabilities, size, how.rule)
    if chosen is None:
        return _faceless(row, pixels, how)
    points = faces.landmarks[chosen]
    if how.geometry == "similarity" and not np.ptp(points, axis=0).any():  # nothing to align by
        return _faceless(row, pixels, how)
    row = replace(
        row,
        status=Status.ALIGNED,
        chosen=chosen,
        probability=float(faces.probabilities[chosen]),
        box=tuple(faces.boxes[chosen].tolist()),
        landmarks=tuple(points.ravel().tolist()),
    )
    if how.geometry == "similarity":
        return row, warp(pixels, similarity(points))
    box = _box(faces.boxes[chosen], size, how)
    return replace(row, crop=box), crop(pixels, box, how.side)


def _box(box: np.ndarray, size: Size, how: FaceAlignment) -> Box:
    if how.geometry == "margin":
        return margin_box(box, how.margin, size)
    return proportional_box(box, how.margin, size)


def _faceless(
    row: FaceRow, pixels: np.ndarray, how: FaceAlignment
) -> tuple[FaceRow, np.ndarray | None]:
    if how.no_face == "fail":
        raise DataError(f"no face was found in {row.path}: remove it or set no_face to drop")
    if how.no_face == "drop":
        return row, None
    box = centre_box(how.central, (row.width, row.height))
    return replace(row, status=Status.CENTER_CROPPED, crop=box), crop(pixels, box, how.side)


def _refused(path: Path, photo: Photo) -> FaceRow:
    assert photo.refused is not None
    return FaceRow(str(path), photo.refused, photo.why)
