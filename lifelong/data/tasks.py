"""One task's images as its experiment shows them: drawn from the pack, then changed."""

import csv
import io
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from lifelong import store
from lifelong.data.pack import TaskArrays, read_task, task_rows
from lifelong.data.splits import SPLITS, random_of

_NOISY_IMAGES = 64


def load_arrays(path: Path, data: Mapping[str, Any]) -> TaskArrays:
    """The images of a task; `data` is what its stage knows of them, from `task` to `draw`.

    Raises DataError where the pack lacks classes or images, DamagedFile.
    """
    found = read_task(path, data.get("classes"), _group(path, data), draw=data.get("draw"))
    images = found.images
    if "noise" in data:
        images = noisy(images, **data["noise"])
    if "channel_order" in data:
        images = np.ascontiguousarray(images[:, data["channel_order"]])
    return replace(found, images=images)


def split_table(path: Path, data: Mapping[str, Any]) -> str:
    """The images of a task as CSV: split, class and row of the pack; see `load_arrays`."""
    found = task_rows(path, data.get("classes"), _group(path, data), draw=data.get("draw"))
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("split", "class", "row"))
    order = np.lexsort((found.rows, found.labels, found.split))
    writer.writerows(
        (SPLITS[found.split[i]], found.identities[found.labels[i]], found.rows[i]) for i in order
    )
    return text.getvalue()


def noisy(images: np.ndarray, mean: float, std: float, seed: int) -> np.ndarray:
    """uint8 images with normal noise, of pixels in [0, 1], clipped to that and rounded to 1/255."""
    random = random_of(seed)
    found = np.empty_like(images)
    for first in range(0, len(images), _NOISY_IMAGES):
        block = images[first : first + _NOISY_IMAGES]
        shift: np.ndarray | float = random.normal(mean, std, block.shape) if std else mean
        found[first : first + len(block)] = np.rint(255 * np.clip(block / 255 + shift, 0, 1))
    return found


def _group(path: Path, data: Mapping[str, Any]) -> str | None:
    group: str | None = data.get("group")
    if group == data["task"] and not any(store.read_attrs(path)["groups"]):
        return None  # a data set of its own, not one of several in a tree
    return group
