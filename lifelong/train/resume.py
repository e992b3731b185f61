"""What the loop needs to go on after an interruption; how it is kept is the stage's business."""

from collections.abc import Mapping
from typing import Any, Protocol

from torch import Tensor


class Resume(Protocol):
    """A place for the state of one run of the loop."""

    def due(self) -> bool:
        """Whether it is time to save."""

    def save(self, tensors: Mapping[str, Tensor], facts: Mapping[str, Any]) -> None:
        """Replace what was saved. May raise OutOfTime: nobody will let this run end today."""

    def load(self) -> tuple[dict[str, Tensor], dict[str, Any]] | None:
        """What was saved for this very run, or None."""

    def forget(self) -> None:
        """The run is over."""
