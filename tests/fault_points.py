"""Runs of one stage in a process of its own in which one file operation fails.

The process is forked from one that has imported torch and never trained (`serve`). What is
replaced in it is replaced for good: it ends with the stage.
"""

import builtins
import contextlib
import errno
import gc
import itertools
import json
import os
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import yaml
from sklearn.datasets import load_digits
from toy import card_of

from lifelong.jobs import driver, find
from lifelong.masks.model import empty_network
from lifelong.plan.config import check
from lifelong.plan.errors import UserError
from lifelong.plan.plan import Plan
from lifelong.stages import baseline, infer, pack_data, prune, retrain, train
from lifelong.store import arrays, files
from lifelong.work import resume

CONFIG: dict[str, Any] = {
    "experiment": "tiny",
    "methods": ["scratch", "cpg"],
    "datasets": {"digits": {"source": "digits", "channels": 1}},
    "tasks": [{"name": "x", "classes": [0, 1]}, {"name": "y", "classes": [8, 9]}],
    "network": {"name": "small_cnn", "channels": 0.125},
    "goals": {"given": {"x": 0.0, "y": 0.0}},
    "recipe": {"crop_padding": 1, "flip": False},
    "baseline": {"epochs": 1},
    "train": {"epochs": 2, "lr": 0.02, "min_train_accuracy": 0.0},
    "prune": {"ratios": [0.3, 0.6], "epochs": 1, "window": 1, "every": 2}
    | {"min_train_accuracy": 0.0},
    "retrain": {"epochs": 1},
}
BASE = "results/tiny"
STAGES = {
    "pack_data": f"{BASE}/pack_data/digits",
    "baseline": f"{BASE}/scratch/s0/01-x/baseline",
    "goals": f"{BASE}/cpg/s0/02-y/goals",
    "train": f"{BASE}/cpg/s0/02-y/train",
    "prune": f"{BASE}/cpg/s0/02-y/prune",
    "select": f"{BASE}/cpg/s0/02-y/select",
    "retrain": f"{BASE}/cpg/s0/02-y/retrain",
    "infer": f"{BASE}/cpg/s0/02-y/infer",
}
SAVE_EVERY = 5  # steps
REFUSED = 3  # exit code of a stage that ended with a clear message


class Server:
    """The process that forks the others."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, __file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )

    def whole_experiment(self, folder: Path) -> None:
        """Run the experiment in a folder, and leave its configuration there."""
        (folder / "config.yaml").write_text(yaml.safe_dump(CONFIG))
        assert self._ask("_experiment", str(folder)) == 0

    def run_stage(self, folder: Path, target: str, how: str = "", at: int = -1) -> int:
        """Run the stage that writes into `target`; its operation number `at` fails as `how` says.

        Returns the exit code, minus the signal for a killed one.
        """
        return self._ask("_stage", str(folder), target, how, at)

    def operations(self, folder: Path, target: str, how: str) -> list[str]:
        """Run a stage undisturbed; the operations at which it can fail, in order."""
        assert self.run_stage(folder, target, f"count {how}") == 0
        return json.loads((folder / "operations.json").read_text())

    def points(self, folder: Path, target: str, how: str) -> list[int]:
        """Where to fail: at every operation, but of arrays written at the first and the last.

        Unless LIFELONG_EVERY_FAULT is set, at one in eight of them.
        """
        seen = self.operations(folder, target, how)
        alike = [name == "_write" for name in seen]
        inside = [all(alike[max(i - 1, 0) : i + 2]) and 0 < i < len(seen) for i in range(len(seen))]
        found = [i for i in range(len(seen)) if not inside[i]]
        return found if os.environ.get("LIFELONG_EVERY_FAULT") else found[len(found) % 8 :: 8]

    def close(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait()

    def _ask(self, *request: Any) -> int:
        assert self.process.stdin is not None and self.process.stdout is not None
        print(json.dumps(request), file=self.process.stdin, flush=True)
        return int(self.process.stdout.readline())


def serve() -> None:
    """Fork once a line of standard input; answer with how the child ended."""
    gc.collect()
    gc.freeze()
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            name, *arguments = json.loads(line)
            _ending(globals()[name], *arguments)
        status = os.waitpid(child, 0)[1]
        print(os.waitstatus_to_exitcode(status), flush=True)


def _ending(work: Callable[..., None], *arguments: Any) -> None:
    """Do the work and end at once: to take torch apart costs longer than most stages."""
    code = 1
    try:
        work(*arguments)
        code = 0
    except (UserError, OSError) as error:
        print(error, file=sys.stderr)
        code = REFUSED
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(code)


def _experiment(folder: str) -> None:
    os.chdir(folder)
    _quiet()
    driver.run_experiment(Plan(check(CONFIG)))


def _stage(folder: str, target: str, how: str, at: int) -> None:
    os.chdir(folder)
    _quiet()
    calls = itertools.count(1)
    resume.ResumeFile.due = lambda self: next(calls) % SAVE_EVERY == 0
    if how == "clock":
        _jumping_clock()
    points = _Points(how.removeprefix("count "), at)
    points.install()
    driver.run_stage(find.find_stage(Plan(check(CONFIG)), f"{target}/manifest.json"))
    if how.startswith("count "):
        Path("operations.json").write_text(json.dumps(points.seen))


def _quiet() -> None:
    with open("said.txt", "a") as said:
        os.dup2(said.fileno(), 1)
        os.dup2(said.fileno(), 2)


def _jumping_clock() -> None:
    """Both clocks jump by hours, back and forth."""
    real, jumps = time.monotonic, itertools.cycle((0.0, 7200.0, -86400.0, 3.0))
    time.monotonic = lambda: real() + next(jumps)
    time.time = lambda: real() - next(jumps)


class _Points:
    """Counts file operations; one of them fails."""

    def __init__(self, how: str, at: int) -> None:
        self.how, self.at, self.seen = how, at, []

    def install(self) -> None:
        reading = self.how == "unreadable"
        for owner, name in _READS if reading else _WRITES:
            self.watch(owner, name)

    def watch(self, owner: Any, name: str) -> None:
        real = getattr(owner, name, None) or getattr(builtins, name)

        def watched(*arguments: Any, **options: Any) -> Any:
            if not _CONCERNS.get(name, _always)(self.how, *arguments, **options):
                return real(*arguments, **options)
            here = len(self.seen) == self.at
            self.seen.append(name)
            if here:
                self.fail(name, arguments)
            return real(*arguments, **options)

        setattr(owner, name, watched)

    def fail(self, name: str, arguments: tuple[Any, ...]) -> None:
        if self.how == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        if self.how == "short":
            _halve(name, arguments)
        raise OSError(_ERRORS[self.how], os.strerror(_ERRORS[self.how]))


_ERRORS = {"full": errno.ENOSPC, "short": errno.ENOSPC, "unreadable": errno.EIO}
_WRITES: list[tuple[Any, str]] = [
    (os, "mkdir"),
    (os, "fsync"),
    (os, "replace"),
    (os, "unlink"),
    (os, "rmdir"),
    (Path, "write_bytes"),
    (h5py.File, "__init__"),
    (h5py.File, "close"),
    (arrays, "_write"),
]
_READS: list[tuple[Any, str]] = [(files, "open"), (h5py.File, "__init__"), (Path, "read_text")]


def _always(how: str, *_: Any, **__: Any) -> bool:
    return True


def _opened(how: str, file: Any, name: Any, mode: str = "r", **_: Any) -> bool:
    return (mode == "r") == (how == "unreadable")


def _of_results(how: str, path: Path, *_: Any, **__: Any) -> bool:
    return "results" in path.parts


_CONCERNS: dict[str, Callable[..., bool]] = {"__init__": _opened, "read_text": _of_results}


def _halve(name: str, arguments: tuple[Any, ...]) -> None:
    """Half of what is to be written reaches the disk."""
    if name == "write_bytes":
        path, content = arguments
        with open(path, "wb") as file:
            file.write(content[: len(content) // 2])
    elif name == "fsync":
        with contextlib.suppress(OSError):  # a folder
            path = os.readlink(f"/proc/self/fd/{arguments[0]}")
            os.truncate(path, os.path.getsize(path) // 2)


if __name__ == "__main__":
    assert pack_data and baseline and train and prune and retrain and infer  # imported once
    empty_network(card_of(1), 1.0)  # what torch imports for it, too
    load_digits()
    serve()
    os._exit(0)
