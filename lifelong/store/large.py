"""Arrays larger than memory, for as long as they are worked on."""

import math
import os
import tempfile
from pathlib import Path

import numpy as np

from lifelong.plan.errors import UserError


def on_disk(shape: tuple[int, ...], folder: Path) -> np.ndarray:
    """Zeros, uint8, in a file without a name in `folder`: gone with the array, or the process.

    Raises UserError where the disk has not the room: it is taken at once.
    """
    size = math.prod(shape)
    if not size:
        return np.zeros(shape, np.uint8)
    Path(folder).mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=folder) as file:
        try:
            os.posix_fallocate(file.fileno(), 0, size)
        except OSError as error:
            raise UserError(
                f"no space left for {size / 2**30:.1f} GiB in {folder} ({error.strerror}): "
                "free some and run again"
            ) from error
        return np.memmap(file, dtype=np.uint8, mode="r+", shape=shape)
