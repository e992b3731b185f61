"""State to go on from when a job was killed: saved on a clock, at a place nobody declared.

Snakemake deletes declared outputs of a failed job, so the state lies beside them under a name of
its own. It is keyed by what the stage must do; another key means it is not ours and is ignored.
"""

import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from lifelong import store
from lifelong.plan.errors import DamagedFile

SAVE_EVERY_S = 60.0


class ResumeFile:
    """The resume file of one run of the loop."""

    def __init__(self, path: Path, key: str, every_s: float | None = None) -> None:
        self.path, self.key = Path(path), key
        self.every_s = SAVE_EVERY_S if every_s is None else every_s
        self._last = time.monotonic()

    def due(self) -> bool:
        return time.monotonic() - self._last >= self.every_s

    def save(self, tensors: Mapping[str, Tensor], facts: Mapping[str, Any]) -> None:
        # A slash would make an HDF5 group of it.
        arrays = {name.replace("/", "|"): _array(tensor) for name, tensor in tensors.items()}
        store.write_arrays(self.path, arrays, {"key": self.key, "facts": json.dumps(facts)})
        self._last = time.monotonic()

    def load(self) -> tuple[dict[str, Tensor], dict[str, Any]] | None:
        """What was saved under this key, or None; a damaged file only costs the time to redo."""
        if not self.path.is_file():
            return None
        try:
            arrays, attrs = store.read_arrays(self.path)
        except DamagedFile:
            return None
        if attrs.get("key") != self.key:
            return None
        tensors = {
            name.replace("|", "/"): torch.from_numpy(np.asarray(value))
            for name, value in arrays.items()
        }
        return tensors, json.loads(attrs["facts"])

    def forget(self) -> None:
        self.path.unlink(missing_ok=True)


def _array(tensor: Tensor) -> np.ndarray:
    return tensor.detach().cpu().contiguous().numpy()
