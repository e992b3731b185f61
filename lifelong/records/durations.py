"""How long stages took, from the timing beside their records; records themselves hold no times."""

import json
import math
from collections.abc import Iterable
from pathlib import Path


def stage_seconds(folder: Path) -> float | None:
    """The seconds of the run that finished a stage; None where it did not say.

    A stage that was stopped and went on counts from where it went on.
    """
    try:
        seconds = float(json.loads((folder / "timing.json").read_text())["seconds"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return seconds if math.isfinite(seconds) else None


def total_seconds(folders: Iterable[Path]) -> float | None:
    """The sum over stages; None where there are none, or one of them is not known."""
    durations = [stage_seconds(folder) for folder in folders]
    known = [seconds for seconds in durations if seconds is not None]
    return sum(known) if durations and len(known) == len(durations) else None
