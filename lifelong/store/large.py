"""Arrays larger than memory, for as long as they are worked on."""

import errno
import math
import os
import shutil
import tempfile
from pathlib import Path
from typing import IO

import numpy as np

from lifelong.plan.errors import UserError

_CANNOT = (errno.EINVAL, errno.EOPNOTSUPP)  # file systems that set no room aside


def on_disk(shape: tuple[int, ...], folder: Path) -> np.ndarray:
    """Zeros, uint8, in a file without a name in `folder`: gone with the array, or the process.

    Raises UserError where the disk has not the room: it is taken at once, or on systems that cannot
    do that (macOS) asked for.
    """
    size = math.prod(shape)
    if not size:
        return np.zeros(shape, np.uint8)
    Path(folder).mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=folder) as file:
        try:
            _grow(file, size, folder)
        except OSError as error:
            raise UserError(
                f"no space left for {size / 2**30:.1f} GiB in {folder} ({error.strerror}): "
                "free some, then type the same command"
            ) from error
        return np.memmap(file, dtype=np.uint8, mode="r+", shape=shape)


def _grow(file: IO[bytes], size: int, folder: Path) -> None:
    """Raises OSError where there is no room."""
    if hasattr(os, "posix_fallocate"):
        try:
            os.posix_fallocate(file.fileno(), 0, size)
            return
        except OSError as error:
            if error.errno not in _CANNOT:
                raise
    if shutil.disk_usage(folder).free < size:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    file.truncate(size)
