"""Results from the future, where the clocks of several machines differ by more than a job takes.

When a job has ended, Snakemake gives its files the time of its own machine, and removes them where
that is before the time of an input. So inputs from the future get the present time.
"""

import contextlib
import os
from collections.abc import Iterable
from pathlib import Path

from lifelong import store
from lifelong.plan.errors import DamagedFile


def bring_back(paths: Iterable[str], written: Path) -> None:
    """Give inputs from the future, and all that they were made from, the time of `written`.

    It gets the present time first, by the clock that Snakemake's own will be: on network file
    systems that of the server. Times in the past stay, and so does what is newer than what. Files
    that no stage wrote stay as they are.
    """
    os.utime(written)
    now = written.stat().st_mtime_ns
    folders = [Path(path).parent for path in paths]
    for folder in folders:  # which grows
        for path in _made_from(folder, now):
            if path not in folders:
                folders.append(path)


def _made_from(folder: Path, now: int) -> list[Path]:
    """Bring back the files of a stage; the folders of its inputs where there were any to bring."""
    try:
        manifest = store.read_manifest(folder)
    except DamagedFile:
        return []
    brought = False
    for path in (folder / name for name in (*manifest["files"], store.MANIFEST)):
        with contextlib.suppress(OSError):  # gone, or another user's: Snakemake says what it finds
            facts = path.stat()
            if facts.st_mtime_ns > now:
                os.utime(path, ns=(facts.st_atime_ns, now))
                brought = True
    return [Path(path).parent for path in manifest["inputs"]] if brought else []
