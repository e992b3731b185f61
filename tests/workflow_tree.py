"""A copy of the workflow to run Snakemake in, and which jobs its output names."""

import contextlib
import functools
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import yaml

from lifelong.jobs import handover

TREE = Path(__file__).parents[1]
_PARTS = ("Snakefile", "rules", "workflow_scripts", "schemas", "profiles", "envs", "report")
_HEAD = re.compile(r"^(?:local)?(?:rule|checkpoint) (\w+):$")
_WILDCARD = re.compile(r"(\w+)=([^,\s]+)")

# The second task's goal cannot be met in so few epochs, so it must be widened.
EXPERIMENT: dict[str, Any] = {
    "experiment": "tiny",
    "methods": ["scratch", "packnet", "cpg"],
    "datasets": {"digits": {"source": "digits", "channels": 1}},
    "tasks": [{"name": "x", "classes": [0, 1]}, {"name": "y", "classes": [8, 9]}],
    "network": {"name": "small_cnn", "channels": 0.25},
    "goals": {"given": {"y": 1.0}},
    "expand": {"step": 0.5, "cap": 1.5},
    "recipe": {"crop_padding": 1, "flip": False},
    "baseline": {"epochs": 2},
    "train": {"epochs": 2, "lr": 0.02, "min_train_accuracy": 0.0},
    "prune": {"ratios": [0.3, 0.6], "epochs": 1, "window": 1, "every": 2}
    | {"min_train_accuracy": 0.0},
    "retrain": {"epochs": 2},
}


def copy_workflow(folder: Path) -> Path:
    """Put the workflow into `folder`, without a config.yaml."""
    for name in _PARTS:
        source = TREE / name
        if source.is_dir():
            shutil.copytree(source, folder / name)
        else:
            shutil.copy2(source, folder / name)
    return folder


def write_config(folder: Path, config: dict[str, Any]) -> None:
    (folder / "config.yaml").write_text(yaml.safe_dump(config))


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "snakemake", "--cores", "1", *arguments]


@functools.cache
def worker() -> str:
    """The socket of a worker for all Snakemakes of these tests, so that each need not import torch.

    One that serves a single Snakemake is what `running` starts, and stages/test_worker.py tests.
    """
    environ = {**os.environ, handover.VARIABLE: ""}
    handover.start(environ)
    return environ[handover.VARIABLE]


def snakemake(folder: Path, *arguments: str, succeeds: bool = True) -> str:
    """Run Snakemake in `folder` on one core, unless `arguments` say more; returns its output."""
    run = subprocess.run(
        command(*arguments),
        cwd=folder,
        env={handover.VARIABLE: worker(), **os.environ, "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert (run.returncode == 0) == succeeds, run.stdout
    return run.stdout


@contextlib.contextmanager
def running(folder: Path, *arguments: str, **options: Any) -> Iterator[subprocess.Popen[bytes]]:
    """Snakemake at work in `folder`; what it left running there is killed at the end of the block.

    It leads a session of its own. `options` are those of Popen; its output goes nowhere by default.
    """
    silent = {"stdout": subprocess.DEVNULL, "stderr": subprocess.STDOUT}
    run = subprocess.Popen(
        command(*arguments),
        cwd=folder,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        start_new_session=True,
        **silent | options,
    )
    try:
        yield run
    finally:
        while left := living(folder):  # a job may begin while its parents are being killed
            for process in left:
                with contextlib.suppress(psutil.Error):
                    process.kill()
        run.wait()


def living(folder: Path) -> list[psutil.Process]:
    """Processes that work in a folder, this one left out."""
    here = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):  # it ended meanwhile, or is somebody else's
            at_work = process.status() != psutil.STATUS_ZOMBIE and process.pid != os.getpid()
            if at_work and process.cwd() == str(folder):
                here.append(process)
    return here


def ran(folder: Path, *arguments: str) -> set[str]:
    """The jobs that Snakemake ran, asked to name them in its own way instead of in ours."""
    return jobs(snakemake(folder, "--printshellcmds", *arguments))


def jobs(said: str) -> set[str]:
    """The jobs that Snakemake names, such as `cpg/02-y/expand/a1` or `tables`."""
    found, rule, wildcards = set(), "", ""
    for line in [*said.splitlines(), "["]:
        head = _HEAD.match(line)
        if head:
            rule, wildcards = head[1], ""
        elif line.startswith("    wildcards: "):
            wildcards = line
        elif rule and not line.startswith(" "):
            found.add(_name(rule, dict(_WILDCARD.findall(wildcards))))
            rule = ""
    return found


def _name(rule: str, wildcards: dict[str, str]) -> str:
    if "task" not in wildcards:
        return rule
    attempt = f"/a{wildcards['attempt']}" if "attempt" in wildcards else ""
    return f"{wildcards['method']}/{wildcards['task']}/{rule}{attempt}"
