"""Stages of one machine share its GPUs out among themselves: each takes those that fewest have.

A stage holds a lock in `results/.devices` for each GPU that it sees, until it ends however it ends.
Snakemake knows how many GPUs there are (`--resources gpu=4`), not which one is free. On a cluster
the scheduler says which.
"""

import contextlib
import fcntl
import itertools
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

VISIBLE = "CUDA_VISIBLE_DEVICES"
FOLDER = ".devices"
_AT_ONCE = 64  # stages on one GPU that are told apart; further ones count as no more
_MANAGED = ("SLURM_JOB_ID", "PBS_JOBID", "LSB_JOBID", "JOB_ID")


def names_of(environ: Mapping[str, str], count: int) -> list[str]:
    """The GPUs to share out, by what CUDA calls them; `count` is how many CUDA sees.

    Empty where a scheduler has chosen them, and where there is nothing to choose.
    """
    if any(name in environ for name in _MANAGED):
        return []
    given = [name for name in environ.get(VISIBLE, "").split(",") if name]
    names = given or [str(number) for number in range(count)]
    return names if len(names) > 1 else []


@contextlib.contextmanager
def taken(names: Sequence[str], wanted: int, folder: Path) -> Iterator[list[str]]:
    """Hold `wanted` of the GPUs, those that fewest stages hold; all of them where there are fewer.

    Where files cannot be locked nothing is shared out: all names are given.
    """
    with contextlib.ExitStack() as held:
        mine: list[str] = []
        with contextlib.suppress(OSError):
            folder.mkdir(parents=True, exist_ok=True)
            for place, name in itertools.product(range(_AT_ONCE), names):
                if len(mine) == min(wanted, len(names)):
                    break
                if name not in mine and _locked(folder / f"{name}.{place}", held):
                    mine.append(name)
        yield mine or list(names)


def _locked(path: Path, held: contextlib.ExitStack) -> bool:
    file = path.open("w")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        return False
    held.callback(file.close)
    return True
