"""When a file was made, though outdated ones may look decades older (`jobs/stale.py`)."""

import os
from pathlib import Path

_YEAR_NS = 365 * 86400 * 10**9
AGED_BEFORE_NS = 30 * _YEAR_NS  # since 1970; no result is as old
SHIFT_NS = 40 * _YEAR_NS


def is_aged(facts: os.stat_result) -> bool:
    """Whether a file looks as old as outdated ones do."""
    return facts.st_mtime_ns < AGED_BEFORE_NS


def made_ns(path: Path) -> int:
    """When a file was made, in nanoseconds since 1970."""
    facts = path.stat()
    return facts.st_mtime_ns + (SHIFT_NS if is_aged(facts) else 0)
