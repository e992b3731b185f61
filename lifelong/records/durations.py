"""How long stages took, from the logs beside their records; records themselves hold no times."""

import re
from collections.abc import Iterable
from pathlib import Path

_FINISHED = re.compile(r"\bfinished in (\d+(?:\.\d+)?) s\b", re.ASCII)


def stage_seconds(folder: Path) -> float | None:
    """The seconds of the run that finished a stage; None where its log does not say.

    A stage that was stopped and went on counts from where it went on.
    """
    try:
        text = (folder / "log.txt").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    found = _FINISHED.findall(text)
    return float(found[-1]) if found else None


def total_seconds(folders: Iterable[Path]) -> float | None:
    """The sum over stages; None where there are none, or one of them is not known."""
    found = [stage_seconds(folder) for folder in folders]
    known = [seconds for seconds in found if seconds is not None]
    return sum(known) if found and len(known) == len(found) else None
