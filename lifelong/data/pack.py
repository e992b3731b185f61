"""A data set as one HDF5 file, which `packing` writes; tasks read their classes from it."""

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lifelong import store
from lifelong.data.splits import drawn, shuffled
from lifelong.data.stored import FAILED, StoredImages
from lifelong.plan.class_names import fitting
from lifelong.plan.draws import drawn_per_class
from lifelong.plan.errors import DamagedFile, DataError

CHUNK_IMAGES = 64
_CHECKED_BYTES = 1 << 24
KIND = "pack"


@dataclass(frozen=True)
class TaskArrays:
    """The images of one task: uint8 (N, C, H, W), labels int64 (N,) from 0, split uint8 (N,).

    `classes` are the names labels count: without their group, unless two would then be the same.
    """

    images: np.ndarray | StoredImages
    labels: np.ndarray
    split: np.ndarray
    classes: tuple[str, ...]


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
    if attrs.get("kind") != KIND:
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
    memory_mb: float | None = None,
) -> TaskArrays:
    """The images of `classes`, in that order, or of a whole group, or of the whole pack.

    Classes are names inside `group` where that is given, else identities ("<group>/<class>",
    "<class>" in a pack without groups) or names that only one group has. `draw` has `train` and
    `validation` images per class, `percent` or `shuffled_validation`, and a `seed`. Images that
    take more than `memory_mb` as pixels stay in the pack. Raises DataError for names the pack lacks
    or classes with fewer images, DamagedFile.
    """
    task = task_rows(path, classes, group, digest, draw)
    stored, images = _stored(path, task.rows, task.checksums), None
    if memory_mb is not None and np.prod(stored.shape) > memory_mb * 2**20:
        return TaskArrays(stored, task.labels, task.split, _short(task.identities))
    if stored.ends is None:
        images = _images(path, task.rows)
        if not np.array_equal(checksums_of(images), task.checksums):
            raise DamagedFile(path, FAILED)
    else:
        images = stored[:]
    return TaskArrays(images, task.labels, task.split, _short(task.identities))


def _stored(path: Path, rows: np.ndarray, checksums: np.ndarray) -> StoredImages:
    attrs = store.read_attrs(path)
    if "jpeg" not in attrs:
        _, channels, height, width = store.read_shape(path, "images")
        return StoredImages(path, rows, checksums, (channels, height, width))
    ends = store.read_arrays(path, ("jpeg_ends",))[0]["jpeg_ends"]
    channels, height, width = attrs["jpeg"]
    return StoredImages(path, rows, checksums, (channels, height, width), ends)


def _images(path: Path, rows: np.ndarray) -> np.ndarray:
    """The images of rising rows; what lies far between them is not read."""
    parts = []
    for run in np.split(rows, np.flatnonzero(np.diff(rows) > CHUNK_IMAGES) + 1):
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
    if attrs.get("kind") != KIND:
        raise DamagedFile(path, "is not a pack of images")
    if "pairs" not in arrays:
        raise DataError(f"{path} has no pairs: its data set needs a file of pairs")
    if not np.array_equal(checksums_of(arrays["images"]), arrays["crc32"]):
        raise DamagedFile(path, FAILED)
    return arrays["images"], arrays["pairs"]


def check_pack(path: Path) -> None:
    """Compare all images with their checksums, some at a time. Raises DamagedFile."""
    expected = store.read_arrays(path, ("crc32",))[0]["crc32"]
    stored = _stored(path, np.arange(len(expected)), expected)
    at_once = max(_CHECKED_BYTES // stored.image_bytes, 1)
    for start in range(0, len(expected), at_once):
        stored.fetch(np.arange(len(expected))[start : start + at_once])


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


def checksums_of(images: np.ndarray) -> np.ndarray:
    return np.array([zlib.crc32(image.tobytes()) for image in images], dtype=np.uint32)
