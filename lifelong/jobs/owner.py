"""A stage ends with the Snakemake that asked for it, even with one that was killed.

A Snakemake that is killed cannot end its jobs. One that went on would write beside those of the
next run. Jobs of the warm worker have the worker to see to it; this is for all others.
"""

import contextlib
import os
import select
import sys
import threading
import time
from collections.abc import MutableMapping

VARIABLE = "LIFELONG_SNAKEMAKE"  # the process of the nearest Snakemake, on a cluster the job's own
GONE = "Error: Snakemake is gone, so the stage was stopped: run snakemake again"
_LOOK_EVERY_S = 1.0


def announce(environ: MutableMapping[str, str]) -> None:
    """Name this process in `environ`, whatever a Snakemake elsewhere has left there."""
    environ[VARIABLE] = str(os.getpid())


def end_with(process: int) -> None:
    """End this process when another ends. One that cannot be seen, as from a container, is not
    waited for.
    """
    if _is_there(process):
        threading.Thread(target=_end_after, args=(process,), daemon=True).start()


def _end_after(process: int) -> None:
    _wait_for(process)
    with contextlib.suppress(OSError):
        print(GONE, file=sys.stderr, flush=True)
    os._exit(1)


def _wait_for(process: int) -> None:
    """Return when a process has ended, or the parent, by which it is an ancestor."""
    parent = os.getppid()
    if hasattr(os, "pidfd_open"):  # Linux
        with contextlib.suppress(OSError):  # too old, or it has ended
            waiting = select.poll()
            waiting.register(os.pidfd_open(process), select.POLLIN)
            waiting.poll()
            return
    while _is_there(process) and os.getppid() == parent:
        time.sleep(_LOOK_EVERY_S)


def _is_there(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # somebody else's
        pass
    return True
