"""Run one stage in several processes under torchrun: `recipe.processes` above 1.

The first process works in the stage's folder. The others do the same work in a copy of it, which
is thrown away, so that a stage need not know who writes. In the end all must have made the same
files.
"""

import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from lifelong.jobs import owner
from lifelong.jobs.request import Request
from lifelong.plan.errors import UserError
from lifelong.plan.paths import MANIFEST
from lifelong.plan.stage import Stage

_TOLD = "told"  # what the first process that failed has to say
_OUTPUT = "output.txt"  # what torchrun and the processes print


def run(request: Request) -> None:
    """Run a stage in its processes and wait for them.

    Raises UserError with what went wrong in the first one that failed.
    """
    Path(request.folder).mkdir(parents=True, exist_ok=True)
    count = request.processes
    folder = tempfile.mkdtemp(prefix="lifelong-ranks-")
    try:
        asked = Path(folder, "request.json")
        asked.write_text(json.dumps(asdict(request)))
        with open(f"{folder}/{_OUTPUT}", "wb") as output:
            code = _torchrun(asked, count, output)
        if code:
            raise UserError(_why(Path(folder), count))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _torchrun(asked: Path, count: int, output: Any) -> int:
    process = subprocess.Popen(
        # -P: the package that jobs import, not one in the working folder.
        [
            *(sys.executable, "-P", "-m", "torch.distributed.run", "--standalone"),
            *(f"--nproc-per-node={count}", "--max-restarts=0", "-m", __name__),
            *(str(asked), str(count), str(os.getpid())),
        ],
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=output,
    )
    try:
        return process.wait()
    finally:
        process.terminate()
        process.wait()


def _why(folder: Path, count: int) -> str:
    with contextlib.suppress(OSError):
        return (folder / _TOLD).read_text()
    last = (folder / _OUTPUT).read_text(errors="replace").strip().splitlines()[-1:]
    return (
        f"one of the {count} processes of this stage was ended from outside, so all were "
        f"({' '.join(last)}); run again: the stage goes on where it was last saved"
    )


def main(asked: Path, count: int, launcher: int) -> None:
    """In each of `count` processes: do the stage; `launcher` is the process that waits for it."""
    from lifelong.jobs.runner import execute, told
    from lifelong.train import world as several

    owner.end_with(launcher)
    request = Request(**json.loads(asked.read_text()))
    try:
        with several.joined(count) as world:
            stage = request.stage()
            stage = replace(stage, threads=max(1, stage.threads // world.size))
            log_path: str | None = request.log
            if world.rank:  # the first one keeps an eye on the time limit
                folder = _copy(stage, asked.parent / str(world.rank))
                stage, log_path = replace(stage, folder=folder, ends=None), None
            world.gathered(None)  # all copies are made before anything changes
            execute(stage, log_path, lambda: sum(world.gathered(time.process_time())))
            _same_files(stage, world)
    except several.Lost:
        sys.exit(1)
    except (UserError, OSError) as error:
        _tell(asked.parent, told(error))
        sys.exit(1)
    except Exception as error:
        what = f"{type(error).__name__}: {error}"
        _tell(asked.parent, f"a bug in lifelong ({what}), see {request.log}")
        raise


def _copy(stage: Stage, place: Path) -> str:
    """A folder like the stage's, with what it holds to go on from, among the same neighbours."""
    own = Path(stage.folder)
    run, resume = own.parents[1], own.parent / f".resume-{own.name}"
    task = place / run.name / own.parent.name
    task.mkdir(parents=True)
    for neighbours, among in ((run, own.parent), (own.parent, own)):
        for path in neighbours.iterdir():
            if path not in (among, resume):
                os.symlink(path.resolve(), place / run.name / path.relative_to(run))
    for path in (own, resume):
        if path.is_dir():
            shutil.copytree(path, task / path.name)
    (task / own.name).mkdir(exist_ok=True)
    return str(task / own.name)


def _same_files(stage: Stage, world: Any) -> None:
    """Raise UserError, and let the stage's files not count, where the processes disagree."""
    from lifelong.store import read_manifest

    manifest = Path(stage.path(MANIFEST))
    every = world.gathered(read_manifest(Path(stage.folder))["files"])
    if any(files != every[0] for files in every):
        manifest.unlink()
        raise UserError(
            "the processes of this stage have not made the same files: processors of different "
            "kinds, or a kernel that is not deterministic; leave recipe.processes out"
        )


def _tell(folder: Path, what: str) -> None:
    with contextlib.suppress(OSError), open(folder / _TOLD, "x") as file:
        file.write(what)


if __name__ == "__main__":
    main(Path(sys.argv[1]), *map(int, sys.argv[2:]))
