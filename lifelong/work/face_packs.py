"""A face set as the raw images of a pack: aligned parts or pictures, labels, splits and pairs."""

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from lifelong import store
from lifelong.data.images import Framing, planes
from lifelong.data.photographs import PhotographFiles, Photographs
from lifelong.data.sources import RawSet
from lifelong.data.splits import SPLITS, TEST, VALIDATION, assign, stratified
from lifelong.faces.configured import face_set, fingerprint
from lifelong.faces.pairs import check_folds
from lifelong.faces.samples import FaceSet
from lifelong.plan.errors import DamagedFile, DataError
from lifelong.plan.faces import side_of

Settings = Mapping[str, Any]
_READ_FACES = 256  # at once


def raw_faces(
    settings: Settings, parts: Sequence[str], folder: Path, log: logging.Logger
) -> tuple[RawSet, dict[str, Any]]:
    """The images of a face set, and what was left out of it, by reason.

    `parts` are the files of `align_faces`; without them the pictures are faces as they are. Joined
    parts lie on the disk, in `folder`: there may be more than memory holds. Raises DataError where
    the list of photographs is another than the one that was aligned.
    """
    dataset = face_set(settings)
    side, channels = side_of(settings), settings["channels"]
    if parts:
        rows, joined = _joined(parts, dataset, (channels, side, side), folder)
        images: np.ndarray | Photographs = joined
    else:
        rows = np.arange(len(dataset.samples))
        paths = [dataset.root / sample.path for sample in dataset.samples]
        workers = settings.get("workers", 1)
        images = Photographs(PhotographFiles(paths), Framing(side, channels), workers, log=log)
    labels = np.array([dataset.samples[row].label for row in rows], dtype=np.int32)
    _check_classes(dataset, labels)
    split = _split(dataset, rows, labels, settings)
    pairs = None if dataset.pairs is None else _pairs(dataset, rows)
    raw = RawSet(images, labels, split, dataset.classes, ("",) * len(dataset.classes), pairs)
    left_out = dict(dataset.left_out) | {"not aligned": len(dataset.samples) - len(rows)}
    more: dict[str, Any] = {"left_out": {why: count for why, count in left_out.items() if count}}
    if pairs is not None and dataset.pairs is not None:
        more["pairs"] = {"used": len(pairs), "without both faces": len(dataset.pairs) - len(pairs)}
    return raw, more


def _joined(
    parts: Sequence[str], found: FaceSet, shape: tuple[int, int, int], folder: Path
) -> tuple[np.ndarray, np.ndarray]:
    """The samples that have an aligned face, and these faces, uint8 (N, C, side, side)."""
    rows = [_samples(part, found) for part in map(Path, parts)]
    images = store.on_disk((sum(map(len, rows)), *shape), folder)
    done = 0
    for part, samples in zip(map(Path, parts), rows, strict=True):
        for start in range(0, len(samples), _READ_FACES):
            block = slice(start, start + _READ_FACES)
            faces = store.read_arrays(part, ("images",), rows=block)[0]["images"]
            for row, face in enumerate(faces, done):
                images[row] = _face(face, shape[1], shape[0])
            done += len(faces)
    return np.concatenate(rows), images


def _samples(part: Path, found: FaceSet) -> np.ndarray:
    """Which samples have a face in a part, after comparing its bytes with its manifest."""
    store.verified(part)
    arrays, attrs = store.read_arrays(part, ("samples",))
    if attrs.get("set") != fingerprint(found):
        raise DamagedFile(
            part,
            f"was aligned from other photographs than are in {found.root} now",
            remove=part.parent.parent,
        )
    return arrays["samples"]


def _face(pixels: np.ndarray, side: int, channels: int) -> np.ndarray:
    image = Image.fromarray(pixels)
    return planes(image.convert("L") if channels == 1 else image, side, channels, "a face")


def _check_classes(found: FaceSet, labels: np.ndarray) -> None:
    empty = np.flatnonzero(np.bincount(labels, minlength=len(found.classes)) == 0)
    if len(empty):
        raise DataError(
            f"{found.root} has no usable picture of class {found.classes[empty[0]]}: "
            "add some, or look into photos.csv why they were refused"
        )


def _split(found: FaceSet, rows: np.ndarray, labels: np.ndarray, settings: Settings) -> np.ndarray:
    """As published where the set has splits or folds; else, and for validation, cut here."""
    samples = [found.samples[row] for row in rows]
    if found.pairs is not None:  # they measure, nobody learns them
        return np.full(len(rows), TEST, dtype=np.uint8)
    given = {sample.split for sample in samples}
    if "fold" in settings:
        tested = np.array([sample.fold == settings["fold"] for sample in samples])
    elif given == {""}:
        tested = stratified(labels, settings["test"], settings["seed"], found.classes)
    else:
        tested = np.array([sample.split == SPLITS[TEST] for sample in samples])
    if SPLITS[VALIDATION] in given:
        return np.array([SPLITS.index(sample.split) for sample in samples], dtype=np.uint8)
    return assign(labels, tested, settings["validation"], settings["seed"], found.classes)


def _pairs(found: FaceSet, rows: np.ndarray) -> np.ndarray:
    """Pairs (P, 4 or 6) of which both faces are there, numbered as the images are."""
    assert found.pairs is not None
    place = np.full(len(found.samples), -1, dtype=np.int64)
    place[rows] = np.arange(len(rows))
    given = found.pairs
    columns = [place[given.first], place[given.second], given.same, given.fold]
    if given.required is not None and given.shown is not None:
        columns += [given.required, given.shown]
    pairs = np.stack([np.asarray(column, dtype=np.int64) for column in columns], axis=1)
    kept = pairs[(pairs[:, :2] >= 0).all(axis=1)]
    if not len(kept):
        raise DataError(f"{found.root} has no pair with two usable faces: look into photos.csv")
    check_folds(kept[:, 2], kept[:, 3])  # before anything is trained for them
    return kept
