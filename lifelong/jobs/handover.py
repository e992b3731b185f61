"""Hand a job to the warm worker, or start one; imports nothing heavy.

The worker (`worker.py`) has imported torch and forks once per job. A job's own process connects to
its Unix socket, reads who the worker is, and sends one line of JSON together with its standard
streams. Then it waits for one line: how the job ended. Where no line comes, worker and job are
both dead (each holds the connection open), so the job may be done again without a second writer.
A Snakemake inside of another one's job has the other's worker, if that is one it may use.
"""

import atexit
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping, MutableMapping
from pathlib import Path
from typing import Any

from lifelong.jobs.owner import GONE

VARIABLE = "LIFELONG_WORKER"  # the worker's socket; "off" for none
# HDF5 heeds it more than `locking=False`, once, when it is loaded: NFS may have no locks at all.
FILE_LOCKS = "HDF5_USE_FILE_LOCKING"
PATIENCE_S = 30.0  # a worker that still imports answers later; a stage alone would import as long
_LONGEST_PATH = 107  # bytes, of a Unix socket
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def start(environ: MutableMapping[str, str]) -> subprocess.Popen[bytes] | None:
    """Start a worker that ends with this process, and name its socket in `environ`.

    None where `environ` says "off" or names one that answers, and on other systems than Linux,
    where nothing ends the jobs of a worker that was killed.
    """
    address = environ.get(VARIABLE, "")
    if address == "off" or sys.platform != "linux" or (address and _answers(address)):
        return None
    folder, listener = _listen()
    call = f"main({listener.fileno()}, {folder!r})"
    with listener:
        # One thread: a process that has more cannot be forked safely. Stages set their own.
        process = subprocess.Popen(
            # -P: the package that jobs import, not one in the working folder.
            [sys.executable, "-P", "-c", f"from lifelong.jobs.worker import main; {call}"],
            stdin=subprocess.PIPE,  # its end of file is the end of this process
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**environ, **dict.fromkeys(_THREADS, "1"), FILE_LOCKS: "FALSE"},
            pass_fds=[listener.fileno()],
            start_new_session=True,  # Ctrl-C is for the jobs
        )
    environ[VARIABLE] = _socket_in(folder)
    atexit.register(stop, process, folder)
    return process


def stop(process: subprocess.Popen[bytes], folder: str) -> None:
    """End a worker, and the jobs it may have left."""
    process.terminate()
    process.wait()
    shutil.rmtree(folder, ignore_errors=True)


def hand_over(address: str, request: Mapping[str, Any]) -> int | str | None:
    """What to exit with, or None where no worker did the job and none is doing it."""
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(PATIENCE_S)
            connection.connect(address)
            lines = connection.makefile("r", encoding="utf-8")
            if json.loads(lines.readline()) != identity():
                return None
            socket.send_fds(connection, [b"\n"], [0, 1, 2])
            connection.settimeout(None)
            connection.sendall(json.dumps(request).encode() + b"\n")
            answer = json.loads(lines.readline())
    except (OSError, ValueError):
        return None
    return _explained(answer)


def _answers(address: str) -> bool:
    """Whether the worker of a socket would do the jobs of this process."""
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(PATIENCE_S)
            connection.connect(address)
            return bool(json.loads(connection.makefile("r").readline()) == identity())
    except (OSError, ValueError):
        return False


def identity() -> dict[str, str]:
    """What worker and job must agree on: the interpreter, the package, where else to look."""
    return {
        "python": sys.executable,
        "package": str(Path(__file__).resolve().parents[1]),
        "path": os.environ.get("PYTHONPATH", ""),
    }


def _explained(answer: Mapping[str, int]) -> int | str:
    if "exit" in answer:
        return answer["exit"]
    if "signal" in answer:
        name = signal.Signals(answer["signal"]).name
        memory = ": was there too little memory?" if name == "SIGKILL" else ""
        return f"Error: the stage was ended by signal {name}{memory}"
    return GONE


def _listen() -> tuple[str, socket.socket]:
    """A socket in a new folder that nobody else may enter."""
    folder = tempfile.mkdtemp(prefix="lifelong-")
    if len(_socket_in(folder).encode()) > _LONGEST_PATH:
        shutil.rmtree(folder)
        folder = tempfile.mkdtemp(prefix="lifelong-", dir="/tmp")
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(_socket_in(folder))
    listener.listen()
    return folder, listener


def _socket_in(folder: str) -> str:
    return f"{folder}/worker"
