"""How long stages took, from timing.json beside their records: a record holds no times."""

import json
import math
from collections.abc import Iterable
from pathlib import Path


def stage_seconds(folder: Path) -> float | None:
    """The seconds that the run that finished a stage took; None without a readable timing.json.

    The time before a stage was interrupted and resumed is not included.
    """
    try:
        seconds = float(json.loads((folder / "timing.json").read_text())["seconds"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return seconds if math.isfinite(seconds) else None


def total_seconds(folders: Iterable[Path]) -> float | None:
    """The sum over stages; None where there are no stages or the time of one is unknown."""
    durations = [stage_seconds(folder) for folder in folders]
    known = [seconds for seconds in durations if seconds is not None]
    return sum(known) if durations and len(known) == len(durations) else None
