"""What a local job pays before it learns, with the warm worker and without.

Trains a tiny network on two classes of handwritten digits, each time in a process of its own that
gets its job as a script of Snakemake does. With and without take turns, after one job each that
is not counted: the worker has then finished its own imports, which a run of Snakemake pays once.

  start_s    wall seconds from the start of the job's process until the stage has its network and
             its images on the device (the first line of log.txt); the first step comes next
  job_s      wall seconds of the whole process, with the training of a few steps

Target: start_s at most 0.5 s with the worker. With --quick one job each is measured.
"""

import os
import pickle
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from snakemake.iocontainers import (
    InputFiles,
    Log,
    OutputFiles,
    Params,
    ResourceList,
    Snakemake,
    Wildcards,
)
from table import Row, arguments, figure, machine, publish

from lifelong.jobs.handover import VARIABLE, start
from lifelong.plan.config import check
from lifelong.plan.plan import Plan
from lifelong.plan.specs import canonical
from lifelong.plan.stage import Key, Stage

ROOT = Path(__file__).parents[1]
REPEATS, TARGET_S = 9, 0.5
CONFIG: dict[str, Any] = {
    "experiment": "startup",
    "methods": ["cpg"],
    "datasets": {"digits": {"source": "digits", "channels": 1}},
    "tasks": [{"name": "a", "classes": [0, 1]}],
    "network": {"name": "small_cnn", "channels": 0.25},
    "train": {"epochs": 1},
}


def script(stage: Stage) -> str:
    """An adapter as Snakemake writes it: its preamble, then our file."""
    # A first task has no shards to read, and a list is not what `fromdict` takes.
    files = {name: path for name, path in stage.inputs.items() if isinstance(path, str)}
    job = Snakemake(
        InputFiles(fromdict=files),
        OutputFiles([stage.path("manifest.json")]),
        Params(fromdict={"folder": stage.folder, "spec": canonical(stage.spec)}),
        Wildcards(),
        stage.threads,
        ResourceList(),
        Log([stage.path("log.txt")]),
        {},
        stage.kind,
        None,
    )
    preamble = (
        "import pickle; from snakemake.logging import logger;"
        f"snakemake = pickle.loads({pickle.dumps(job, protocol=4)!r});"
    )
    return f"{preamble}\n{(ROOT / f'workflow_scripts/{stage.kind}.py').read_text()}"


def run(folder: Path, stage: Stage, environment: Mapping[str, str]) -> tuple[float, float]:
    """start_s and job_s of one job."""
    adapter = folder / "adapter.py"
    adapter.write_text(script(stage))
    started = time.time()
    subprocess.run([sys.executable, str(adapter)], cwd=folder, env=environment, check=True)
    ended = time.time()
    stamp = (folder / stage.path("log.txt")).read_text()[:23]
    ready = datetime.strptime(stamp, "%Y-%m-%d %H:%M:%S,%f").timestamp()
    return ready - started, ended - started


def row(name: str, times: list[tuple[float, float]], target: float | None) -> Row:
    start_s, job_s = (statistics.median(column) for column in zip(*times, strict=True))
    return {
        "worker": name,
        "start_s": figure(start_s, 3),
        "start_min_s": figure(min(times)[0], 3),
        "job_s": figure(job_s, 3),
        "target": target or "",
        "met": "" if target is None else "yes" if start_s <= target else "no",
        "repeats": len(times),
    }


def measure(folder: Path, repeats: int) -> list[Row]:
    plan = Plan(check(CONFIG))
    one_thread = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    alone = {**os.environ, **one_thread, "PYTHONPATH": str(ROOT), VARIABLE: "off"}
    warm = {**alone, VARIABLE: ""}
    if start(warm) is None:
        raise SystemExit("there is a worker only on Linux")
    run(folder, plan.pack_stage("digits"), alone)
    stage = plan.stage(Key("train", "cpg", 0, 1))
    times: dict[str, list[tuple[float, float]]] = {"yes": [], "no": []}
    for number in range(repeats + 1):
        for name, environment in (("yes", warm), ("no", alone)):
            measured = run(folder, stage, environment)
            if number:
                times[name].append(measured)
    return [row("yes", times["yes"], TARGET_S), row("no", times["no"], None)]


def main() -> None:
    options = arguments(__doc__).parse_args()
    facts = machine() | {"threads": 1}
    with tempfile.TemporaryDirectory() as name:
        rows = measure(Path(name), 1 if options.quick else REPEATS)
    publish("startup", rows, facts, options.out)


if __name__ == "__main__":
    main()
