"""A data set as one HDF5 file, written once; tasks read their classes from it."""

import logging
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lifelong import store
from lifelong.data.sources import RawSet, read_source
from lifelong.data.splits import SPLITS, TEST, TRAIN, VALIDATION, drawn, shuffled
from lifelong.plan.class_names import fitting
from lifelong.plan.draws import drawn_per_class
from lifelong.plan.errors import DamagedFile, DataError

_CHUNK_IMAGES = 64
_CHECKED_IMAGES = 4096
_FAILED = "has images that fail their checksum"
_KIND = "pack"


@dataclass(frozen=True)
class TaskArrays:
    """The images of one task: uint8 (N, C, H, W), labels int64 (N,) from 0, split uint8 (N,).

    `classes` are the names labels count: without their group, unless two would then be the same.
    """

    images: np.ndarray
    labels: np.ndarray
    split: np.ndarray
    classes: tuple[str, ...]


def write_pack(
    path: Path, settings: Mapping[str, Any], log: logging.Logger | None = None
) -> dict[str, Any]:
    """Read the source and write its pack; returns images per split, classes and the digest.

    Raises DataError, and writes nothing, where the source cannot be read whole.
    """
    return write_raw(path, read_source(settings, log or logging.getLogger(__name__)))


def write_raw(path: Path, raw: RawSet) -> dict[str, Any]:
    """Write the pack of images that were read; returns what `write_pack` does."""
    order = np.argsort(raw.labels, kind="stable")  # a class is one run of rows
    checksums = _checksums(raw.images)
    arrays: dict[str, np.ndarray | store.Rows] = {
        "images": store.Rows(raw.images, order),
        "labels": raw.labels[order],
        "split": raw.split[order],
        "crc32": checksums[order],
    }
    if raw.pairs is not None:
        moved = np.argsort(order)[raw.pairs[:, :2]]
        arrays["pairs"] = np.concatenate([moved, raw.pairs[:, 2:]], axis=1)
    attrs = {"kind": _KIND, "classes": list(raw.classes), "groups": list(raw.groups)}
    digest = store.write_arrays(path, arrays, attrs, chunk_rows={"images": _CHUNK_IMAGES})
    counts = np.bincount(raw.split, minlength=len(SPLITS)).tolist()
    return {
        "images": dict(zip(SPLITS, counts, strict=True)),
        "classes": list(raw.classes),
        "digest": digest,
        "tested_and_trained": _tested_and_trained(raw, checksums),
    }


def _tested_and_trained(raw: RawSet, checksums: np.ndarray) -> int:
    """How many test images are, pixel by pixel, also images to train or decide on."""
    tested = np.flatnonzero(raw.split == TEST)
    others: dict[int, list[int]] = {}
    wanted = np.isin(checksums, checksums[tested]) & np.isin(raw.split, [TRAIN, VALIDATION])
    for row in np.flatnonzero(wanted):
        others.setdefault(int(checksums[row]), []).append(int(row))
    return sum(
        any(np.array_equal(raw.images[row], raw.images[other]) for other in same)
        for row in tested
        if (same := others.get(int(checksums[row])))
    )


@dataclass(frozen=True)
class TaskRows:
    """Where a task's images lie: rows of the pack, rising; labels count `identities`."""

    rows: np.ndarray
    labels: np.ndarray
    split: np.ndarray
    checksums: np.ndarray
    identities: tuple[str, ...]


def task_rows(
    path: Path,
    classes: Sequence[str] | None,
    group: str | None,
    digest: str | None = None,
    draw: Mapping[str, Any] | None = None,
) -> TaskRows:
    """Which rows of a pack a task has; for its arguments and errors see `read_task`."""
    arrays, attrs = store.read_arrays(path, ("labels", "split", "crc32"), digest)
    if attrs.get("kind") != _KIND:
        raise DamagedFile(path, "is not a pack of images")
    wanted = _identities(path, attrs, classes, group)
    renumber = np.full(len(attrs["classes"]), -1, dtype=np.int64)
    renumber[[attrs["classes"].index(identity) for identity in wanted]] = np.arange(len(wanted))
    labels = renumber[arrays["labels"]]
    rows = np.flatnonzero(labels >= 0)
    split = arrays["split"]
    if draw and "shuffled_validation" in draw:
        split = split.copy()
        split[rows] = shuffled(split[rows], draw["shuffled_validation"], draw["seed"])
    elif draw:
        counts = drawn_per_class(draw, len(wanted))
        rows = rows[drawn(labels[rows], split[rows], counts, draw["seed"], wanted)]
    return TaskRows(rows, labels[rows], split[rows], arrays["crc32"][rows], tuple(wanted))


def read_task(
    path: Path,
    classes: Sequence[str] | None,
    group: str | None,
    digest: str | None = None,
    draw: Mapping[str, Any] | None = None,
) -> TaskArrays:
    """The images of `classes`, in that order, or of a whole group, or of the whole pack.

    Classes are names inside `group` where that is given, else identities ("<group>/<class>",
    "<class>" in a pack without groups) or names that only one group has. `draw` has `train` and
    `validation` images per class, `percent` or `shuffled_validation`, and a `seed`. Raises
    DataError for names the pack lacks or classes with fewer images, DamagedFile.
    """
    task = task_rows(path, classes, group, digest, draw)
    images = _images(path, task.rows)
    if not np.array_equal(_checksums(images), task.checksums):
        raise DamagedFile(path, _FAILED)
    return TaskArrays(images, task.labels, task.split, _short(task.identities))


def _images(path: Path, rows: np.ndarray) -> np.ndarray:
    """The images of rising rows; what lies far between them is not read."""
    parts = []
    for run in np.split(rows, np.flatnonzero(np.diff(rows) > _CHUNK_IMAGES) + 1):
        block = slice(int(run[0]), int(run[-1]) + 1)
        parts.append(store.read_arrays(path, ("images",), rows=block)[0]["images"])
        if len(run) < len(parts[-1]):
            parts[-1] = parts[-1][run - block.start]
    return parts[0] if len(parts) == 1 else np.concatenate(parts)


def read_pairs(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """All images, uint8 (N, C, H, W), and the pairs of them, as `RawSet` has them.

    Raises DataError for a pack without pairs, DamagedFile.
    """
    arrays, attrs = store.read_arrays(path)
    if attrs.get("kind") != _KIND:
        raise DamagedFile(path, "is not a pack of images")
    if "pairs" not in arrays:
        raise DataError(f"{path} has no pairs: its data set needs a file of pairs")
    if not np.array_equal(_checksums(arrays["images"]), arrays["crc32"]):
        raise DamagedFile(path, _FAILED)
    return arrays["images"], arrays["pairs"]


def check_pack(path: Path) -> None:
    """Compare all images with their checksums, some at a time. Raises DamagedFile."""
    expected = store.read_arrays(path, ("crc32",))[0]["crc32"]
    for start in range(0, len(expected), _CHECKED_IMAGES):
        rows = slice(start, start + _CHECKED_IMAGES)
        images = store.read_arrays(path, ("images",), rows=rows)[0]["images"]
        if not np.array_equal(_checksums(images), expected[rows]):
            raise DamagedFile(path, _FAILED)


def _identities(
    path: Path, attrs: dict[str, Any], classes: Sequence[str] | None, group: str | None
) -> list[str]:
    known, groups = attrs["classes"], sorted(set(attrs["groups"]) - {""})
    if group is not None and group not in groups:
        raise DataError(f"{path} has no group {group}; it has {', '.join(groups) or 'no groups'}")
    if group is not None:
        known = [one for one, its in zip(known, attrs["groups"], strict=True) if its == group]
    if classes is None:
        if len(known) < 2:
            raise DataError(f"{path} has only {', '.join(known)} for a task: it needs two classes")
        return list(known)
    fits = [fitting(name, group, known) for name in classes]
    if missing := [name for name, matches in zip(classes, fits, strict=True) if not matches]:
        names = ", ".join(name if group is None else f"{group}/{name}" for name in missing)
        raise DataError(f"{path} has no class {names}; it has {', '.join(known)}")
    if unclear := [matches for matches in fits if len(matches) > 1]:
        raise DataError(f"{path} has {' and '.join(unclear[0])}: name classes with their group")
    wanted = [matches[0] for matches in fits]
    if len(set(wanted)) < len(wanted) or not wanted:
        raise DataError(f"a task needs classes, each once, not {list(classes)}: mend classes")
    return wanted


def _short(identities: Sequence[str]) -> tuple[str, ...]:
    names = [identity.rpartition("/")[2] for identity in identities]
    return tuple(names if len(set(names)) == len(names) else identities)


def _checksums(images: np.ndarray) -> np.ndarray:
    return np.array([zlib.crc32(image.tobytes()) for image in images], dtype=np.uint32)
