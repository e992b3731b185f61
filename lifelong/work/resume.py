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
from lifelong.plan.errors import DamagedFile, OutOfTime

SAVE_EVERY_S = 60.0
LEAVE_S = 30.0  # before a time limit; SLURM itself looks every half minute
SHARE_OF_TIME = 0.01  # at most, for saving: where a save takes long, the next one waits longer


class ResumeFile:
    """The resume file of one run of the loop."""

    def __init__(
        self, path: Path, key: str, every_s: float | None = None, ends: float | None = None
    ) -> None:
        self.path, self.key = Path(path), key
        self.every_s, self.ends = every_s, ends
        self._last, self._took = time.monotonic(), 0.0

    def due(self) -> bool:
        """Whether to save now: on the clock, or every `every_s` seconds whatever that costs.

        The clock's last tick is when there is just time left to save and to leave.
        """
        if self._over():
            return True
        wait = (
            max(SAVE_EVERY_S, self._took / SHARE_OF_TIME) if self.every_s is None else self.every_s
        )
        return time.monotonic() - self._last >= wait

    def _over(self) -> bool:
        return self.ends is not None and time.monotonic() > self.ends - LEAVE_S - 3 * self._took

    def save(self, tensors: Mapping[str, Tensor], facts: Mapping[str, Any]) -> None:
        """Replace what was saved. Raises OutOfTime after the last save that time allows."""
        started, over = time.monotonic(), self._over()
        # A slash would make an HDF5 group of it.
        arrays = {name.replace("/", "|"): _array(tensor) for name, tensor in tensors.items()}
        store.write_arrays(self.path, arrays, {"key": self.key, "facts": json.dumps(facts)})
        self._last = time.monotonic()
        self._took = self._last - started
        if over:
            raise OutOfTime("the time limit is near: the stage is saved and goes on when run again")

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
