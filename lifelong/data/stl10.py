"""STL-10: its binary files, and LASEM's 20 tasks of three classes each.

Coates et al., AISTATS 2011, publish 13,000 labelled images of 96 x 96 pixels in ten classes. LASEM
(ICML 2021) makes tasks of them that differ by noise and by the order of their channels.
"""

import hashlib
from pathlib import Path
from typing import Any

import numpy as np

from lifelong.plan.class_names import STL10
from lifelong.plan.errors import DataError

_FOLDER = "stl10_binary"
SIDE_PX = 96
_COUNTS = {"train": 5000, "test": 8000}
_MD5 = {  # as the authors' archive has them, and torchvision checks them
    "train_X.bin": "918c2871b30a85fa023e0c44e0bee87f",
    "train_y.bin": "5a34089d4802c674881badbb80307741",
    "test_X.bin": "7f263ba9f9e0b06b93213547f721ac82",
    "test_y.bin": "36f9794fa4beb8a2c72628de14fa638e",
}
_NAMES = "class_names.txt"


def read_stl10(root: Path, download: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Images uint8 (N, 3, 96, 96), labels int32 (N,) from 0, and whether each is a test image.

    The files are compared with their published MD5. torchvision's own reader would do so too, but
    wants the 100,000 unlabelled images (2.6 GB) beside them. Raises DataError where one is missing,
    short or another.
    """
    folder = root / _FOLDER
    if download and _absent(folder):
        _fetch(root)
    if absent := _absent(folder):
        raise DataError(f"{folder} holds no {absent[0]}: `download: true` fetches STL-10")
    if (folder / _NAMES).read_bytes().split() != [name.encode() for name in STL10]:
        raise DataError(f"{folder / _NAMES} does not name STL-10's classes: delete it, fetch it")
    parts = [_read(folder, split) for split in _COUNTS]
    images, labels = (np.concatenate(both) for both in zip(*parts, strict=True))
    return images, labels, np.arange(len(labels)) >= _COUNTS["train"]


def _absent(folder: Path) -> list[str]:
    return [name for name in (*_MD5, _NAMES) if not (folder / name).is_file()]


def _read(folder: Path, split: str) -> tuple[np.ndarray, np.ndarray]:
    count, shape = _COUNTS[split], (3, SIDE_PX, SIDE_PX)
    flat = _bytes(folder / f"{split}_X.bin", count * int(np.prod(shape)))
    labels = _bytes(folder / f"{split}_y.bin", count).astype(np.int32) - 1
    return flat.reshape(count, *shape).transpose(0, 1, 3, 2), labels  # its pixels lie by columns


def _bytes(path: Path, size: int) -> np.ndarray:
    if (length := path.stat().st_size) != size:
        raise DataError(f"{path} has {length} bytes and should have {size}: delete it, fetch it")
    with path.open("rb") as file:
        if hashlib.file_digest(file, "md5").hexdigest() != _MD5[path.name]:
            raise DataError(f"{path} is not the published file: delete it, fetch it")
    return np.fromfile(path, dtype=np.uint8)


def _fetch(root: Path) -> None:
    from torchvision.datasets import STL10 as Archive

    try:
        Archive(str(root), split="train", download=True)
    except (RuntimeError, OSError) as error:
        raise DataError(f"no whole STL-10 in {root / _FOLDER}: fetching it failed ({error})") from (
            error
        )


def design(tasks: int = 20, classes: int = 3, seed: int = 0) -> list[dict[str, Any]]:
    """Tasks as the configuration has them, drawn as LASEM's code draws STL-10's.

    No two have the same classes. Mean and standard deviation of the noise are steps of 0.025; one
    task in eight has none, and one in six keeps the order of its channels.
    """
    random = np.random.RandomState(seed)  # the legacy stream never changes between numpy versions
    entries: list[dict[str, Any]] = []
    taken: set[frozenset[str]] = set()
    while len(entries) < tasks:
        names = [STL10[label] for label in random.permutation(len(STL10))[:classes]]
        if frozenset(names) in taken:
            continue
        taken.add(frozenset(names))
        task: dict[str, Any] = {"name": "_".join(names), "dataset": "stl10", "classes": names}
        mean, std = 0.025 * random.randint(-2, 2), 0.025 * random.randint(2)
        if mean or std:
            task["noise"] = {"mean": round(mean, 3), "std": round(std, 3)}
        order = random.permutation(3).tolist()
        if order != [0, 1, 2]:
            task["channel_order"] = order
        entries.append(task)
    return entries
