"""One task's images as its experiment shows them: drawn from the pack, then changed."""

import csv
import io
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from lifelong import store
from lifelong.data.pack import TaskArrays, read_task, task_rows
from lifelong.data.splits import SPLITS, random_of
from lifelong.data.stored import StoredImages
from lifelong.plan.seeds import seed_of

MEMORY_MB = 2048  # images of a task that need more of it stay in the pack


def load_arrays(path: Path, data: Mapping[str, Any], workers: int = 1) -> TaskArrays:
    """The images of a task; `data` is what its stage knows of them, from `task` to `draw`.

    So many threads decode what stays in the pack. Raises DataError where the pack lacks classes or
    images, DamagedFile.
    """
    names, group = data.get("classes"), _group(path, data)
    memory_mb = data.get("memory_mb", MEMORY_MB)
    task = read_task(path, names, group, draw=data.get("draw"), memory_mb=memory_mb)
    change = partial(
        changed,
        noise=data.get("noise"),
        channel_order=data.get("channel_order"),
        pixel_order=data.get("pixel_order", ""),
    )
    if isinstance(task.images, StoredImages):
        return replace(task, images=replace(task.images, change=change, workers=workers))
    return replace(task, images=change(task.images))


def changed(
    images: np.ndarray,
    noise: Mapping[str, Any] | None,
    channel_order: Sequence[int] | None,
    pixel_order: str = "",
) -> np.ndarray:
    """Images uint8 (N, C, H, W) as a task shows them to its network, in a pack or not."""
    if noise:
        images = noisy(images, **noise)
    if channel_order:
        images = np.ascontiguousarray(images[:, list(channel_order)])
    if pixel_order == "published":
        count, channels, height, width = images.shape
        interleaved = images.reshape(count, height, width, channels)  # which they are not
        images = np.ascontiguousarray(interleaved.transpose(0, 3, 1, 2))
    return images


def split_table(path: Path, data: Mapping[str, Any]) -> str:
    """The images of a task as CSV: split, class and row of the pack; see `load_arrays`."""
    task = task_rows(path, data.get("classes"), _group(path, data), draw=data.get("draw"))
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("split", "class", "row"))
    order = np.lexsort((task.rows, task.labels, task.split))
    writer.writerows(
        (SPLITS[task.split[i]], task.identities[task.labels[i]], task.rows[i]) for i in order
    )
    return text.getvalue()


def noisy(images: np.ndarray, mean: float, std: float, seed: int) -> np.ndarray:
    """uint8 images with normal noise, of pixels in [0, 1], clipped to that and rounded to 1/255.

    An image's noise depends on the seed and its pixels alone: the same picture has the same noise
    wherever it comes from.
    """
    noisy_images = np.empty_like(images)
    for image, noised in zip(images, noisy_images, strict=True):
        random = random_of(seed_of(seed, zlib.crc32(image.tobytes())))
        shift: np.ndarray | float = random.normal(mean, std, image.shape) if std else mean
        noised[...] = np.rint(255 * np.clip(image / 255 + shift, 0, 1))
    return noisy_images


def _group(path: Path, data: Mapping[str, Any]) -> str | None:
    group: str | None = data.get("group")
    if group == data["task"] and not any(store.read_attrs(path)["groups"]):
        return None  # a data set of its own, not one of several in a tree
    return group
