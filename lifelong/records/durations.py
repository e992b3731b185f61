"""How long stages took, from timing.json beside their records: a record holds no times."""

import json
import math
from collections.abc import Iterable
from pathlib import Path

WALL, CPU = "seconds", "cpu_seconds"  # by the clock on the wall; of all threads together


def stage_seconds(folder: Path, clock: str = WALL) -> float | None:
    """The seconds that the run that finished a stage took; None without a readable timing.json.

    The time before a stage was interrupted and resumed is not included.
    """
    try:
        seconds = float(json.loads((folder / "timing.json").read_text())[clock])
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return seconds if math.isfinite(seconds) else None


def total_seconds(folders: Iterable[Path], clock: str = WALL) -> float | None:
    """The sum over stages; None where there are no stages or the time of one is unknown."""
    durations = [stage_seconds(folder, clock) for folder in folders]
    known = [seconds for seconds in durations if seconds is not None]
    return sum(known) if durations and len(known) == len(durations) else None


def time_words(seconds: float) -> str:
    """Such as 3.2 s, 4 min 10 s or 2 h 5 min."""
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    if seconds < 3599.5:
        minutes, rest = divmod(round(seconds), 60)
        return f"{minutes} min {rest} s"
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours} h {minutes} min"
