"""Why stages of this run failed, kept so that Snakemake's last lines can say it once more.

Where the stage said it, dozens of lines of Snakemake's follow; on a cluster it stands in a log.
"""

import atexit
import contextlib
import hashlib
import sys
from pathlib import Path

from lifelong.plan.errors import printable

_FOLDER = Path(".snakemake/lifelong/failed")


def clear() -> None:
    """Forget the failures of earlier runs."""
    for path in _FOLDER.glob("*"):
        path.unlink(missing_ok=True)


def forget(stage: str) -> None:
    """A stage, named by its folder, is tried again."""
    _file_of(stage).unlink(missing_ok=True)


def keep(stage: str, why: str) -> None:
    """One line on why a stage failed. A full disk may be why: then it is not kept whole."""
    with contextlib.suppress(OSError):
        _FOLDER.mkdir(parents=True, exist_ok=True)
        _file_of(stage).write_text(f"{stage}\n{printable(why)}\n", encoding="utf-8")


def say_at_exit() -> None:
    """Print why stages failed after all that Snakemake has to say."""
    atexit.register(_say)


def _say() -> None:
    for line in said():
        print(line, file=sys.stderr, flush=True)


def said() -> list[str]:
    """A line for every reason, in order of time."""
    stages: dict[str, list[str]] = {}
    for path in sorted(_FOLDER.glob("*"), key=lambda path: path.stat().st_mtime_ns):
        match path.read_text(encoding="utf-8", errors="replace").split("\n"):
            case [stage, why, _]:  # else the disk was full
                stages.setdefault(why, []).append(stage)
    return [f"Error in {first}{_and(more)}: {why}" for why, (first, *more) in stages.items()]


def _and(more: list[str]) -> str:
    return f" and {len(more)} other stage{'s' * (len(more) > 1)}" if more else ""


def _file_of(stage: str) -> Path:
    return _FOLDER / hashlib.blake2b(stage.encode(), digest_size=8).hexdigest()
