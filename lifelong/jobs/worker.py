"""The warm worker: has imported torch, and forks once per job. `handover.py` starts it.

It never touches CUDA and never has a second thread, so a fork is as good as a fresh process. It
ends with the process that started it, and its jobs with it; a job ends with the process that
handed it over: none goes on writing when nobody waits for it.
"""

import contextlib
import ctypes
import gc
import importlib
import json
import os
import select
import shutil
import signal
import socket
import sys
import tempfile
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

from lifelong.families import FAMILIES
from lifelong.jobs import runner
from lifelong.jobs.handover import identity
from lifelong.plan.code import load
from lifelong.plan.errors import UserError
from lifelong.plan.methods import METHODS
from lifelong.plan.networks import NETWORKS
from lifelong.plan.sources import SOURCES

# What many jobs of a run import; tables and report come once and import on their own.
_STAGES = (
    *("align_faces", "pack_data", "ground"),
    *("baseline", "train", "expand", "prune", "retrain", "infer"),
)
_DECIDING = ("goals", "select")
_STDIN = 0
_WAKING = (signal.SIGCHLD, signal.SIGTERM)
_PR_SET_PDEATHSIG = 1


def main(listener: int, folder: str) -> None:
    """Import, then serve the socket in a folder until standard input ends."""
    try:
        _prepare()
        _Worker(socket.socket(fileno=listener)).serve()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _prepare() -> None:
    for kind in (*_STAGES, *_DECIDING):
        importlib.import_module(f"lifelong.stages.{kind}")
    # What these would import in each job. A package that cannot be imported is the job's to name.
    with contextlib.suppress(UserError):
        for code in (*(row.code for row in FAMILIES.values()), *(m.code for m in METHODS.values())):
            load(code)
        importlib.import_module("lifelong.plan.families")
        len(NETWORKS), len(SOURCES)  # they ask the installed packages when first read
    if len(list(Path("/proc/self/task").iterdir())) > 1:
        raise SystemExit("a library has started a thread: jobs run without the worker")
    gc.collect()
    gc.freeze()  # a collection in a job would touch, and so copy, all pages


class _Worker:
    """Jobs under way: the connection of each child, by process id."""

    def __init__(self, listener: socket.socket) -> None:
        self.listener = listener
        self.jobs: dict[int, socket.socket] = {}
        self.woken, self.wakes = os.pipe()
        for end in (self.woken, self.wakes):
            os.set_blocking(end, False)
        for number in _WAKING:
            signal.signal(number, lambda *_: None)  # without a handler nothing wakes
        signal.set_wakeup_fd(self.wakes, warn_on_full_buffer=False)
        self.poll = select.poll()
        self.poll.register(_STDIN, 0)  # 0: only its end
        self.poll.register(self.woken, select.POLLIN)
        self.poll.register(listener, select.POLLIN)

    def serve(self) -> None:
        while True:
            ready = {descriptor for descriptor, _ in self.poll.poll()}
            signals = os.read(self.woken, 4096) if self.woken in ready else b""
            if _STDIN in ready or signal.SIGTERM in signals:
                break
            self.reap()
            for child, connection in list(self.jobs.items()):
                if connection.fileno() in ready:  # nobody waits for it any more
                    self.kill(child)
            if self.listener.fileno() in ready:
                self.fork(self.listener.accept()[0])
        for child in list(self.jobs):
            self.kill(child)

    def fork(self, connection: socket.socket) -> None:
        worker = os.getpid()
        child = os.fork()
        if child == 0:
            self.forget()
            _end_with(worker)
            _process(lambda: _job(connection))
        self.jobs[child] = connection
        self.poll.register(connection, 0)

    def forget(self) -> None:
        """In a child: let go of what is the worker's."""
        signal.set_wakeup_fd(-1)
        for number in _WAKING:
            signal.signal(number, signal.SIG_DFL)
        os.close(self.woken)
        os.close(self.wakes)
        for connection in (self.listener, *self.jobs.values()):
            connection.close()

    def reap(self) -> None:
        """Tell who waits for a job that has ended how it did."""
        for child in list(self.jobs):
            ended, status = os.waitpid(child, os.WNOHANG)
            if ended:
                code = os.waitstatus_to_exitcode(status)
                self.answer(child, {"exit": code} if code >= 0 else {"signal": -code})

    def kill(self, child: int) -> None:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        self.answer(child, {"stopped": 1})

    def answer(self, child: int, how: dict[str, int]) -> None:
        """The last word on a child that is dead; who asked may be dead too."""
        connection = self.jobs.pop(child)
        self.poll.unregister(connection)
        with connection, contextlib.suppress(OSError):
            connection.sendall(json.dumps(how).encode() + b"\n")


def _job(connection: socket.socket) -> None:
    """In a child: do what one connection asks for; the connection stays open until the end."""
    connection.sendall(json.dumps(identity()).encode() + b"\n")
    _, streams, _, _ = socket.recv_fds(connection, 1, 3)
    line = connection.makefile("r", encoding="utf-8").readline()
    if len(streams) != 3 or not line.endswith("\n"):
        raise ConnectionError("who asked is gone, or has decided otherwise")
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    tempfile.tempdir = None  # TMPDIR may be another one now
    request: dict[str, Any] = json.loads(line)
    runner.run_request(request)


def _end_with(worker: int) -> None:
    """Let the kernel kill this child when the worker dies."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != worker:
        os._exit(1)


def _process(work: Callable[[], None]) -> NoReturn:
    """Do the work and end, as an interpreter of its own would."""
    code = 0
    try:
        work()
    except SystemExit as ended:
        if isinstance(ended.code, str):
            print(ended.code, file=sys.stderr)
        code = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    except BaseException:
        traceback.print_exc()
        code = 1
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        os._exit(code)
