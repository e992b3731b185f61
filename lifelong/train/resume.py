"""What the loop needs to go on after an interruption; stages decide where it is kept."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from torch import Tensor


class Resume(Protocol):
    """A place for the state of one run of the loop."""

    path: Path

    def due(self) -> bool:
        """Whether it is time to save."""

    def save(self, tensors: Mapping[str, Tensor], facts: Mapping[str, Any]) -> None:
        """Replace what was saved. May raise OutOfTime when the job's time limit is near."""

    def load(self) -> tuple[dict[str, Tensor], dict[str, Any]] | None:
        """What was saved for this very run, or None."""
