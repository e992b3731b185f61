"""What the log of a stage says: what it does at the moment, and why it failed."""

import re
from collections.abc import Iterator
from pathlib import Path

STOPPED = "stopped"  # by Ctrl-C, as a log says it
_LINE = re.compile(r"\d{4}-\S+ \S+ (?P<level>[A-Z]+) (?P<said>.*)")


def last_said(path: Path) -> str:
    """The newest line of a log, without its time; empty where there is none."""
    return next((said for _, said in _newest_first(path)), "")


def why_failed(path: Path) -> str:
    """The error that ended a stage, in one line; empty where its log names none."""
    return next((said for level, said in _newest_first(path) if level == "ERROR"), "")


def _newest_first(path: Path) -> Iterator[tuple[str, str]]:
    """Level and text of every line with a time, which those of a traceback lack."""
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:  # not begun, or removed because the stage begins again
        return
    for match in filter(None, map(_LINE.fullmatch, reversed(lines))):
        yield match["level"], match["said"]
