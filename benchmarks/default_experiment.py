"""Wall time of the default experiment, from nothing to the report.

Copies the workflow into a temporary folder and runs `snakemake --cores 2` there twice: first all
of config.yaml, then again with nothing left to do. `jobs` is what Snakemake counts. Other programs
on the machine count too: `load` is the load average before the first run.

Target: the first run within 60 s. With --quick only the data are packed.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from table import Row, arguments, figure, machine, publish

ROOT = Path(__file__).parents[1]
FILES = ("Snakefile", "config.yaml")
FOLDERS = ("envs", "lifelong", "profiles", "report", "rules", "schemas", "workflow_scripts")
CORES, TARGET_S = 2, 60.0
QUICK_TARGET = "results/digits/pack_data/digits/pack.h5"
_STEPS = re.compile(r"(\d+) of \d+ steps \(100%\) done")


def copy_workflow(folder: Path) -> None:
    """The package too, so that an edit during the run cannot mix two versions."""
    for name in FILES:
        shutil.copy(ROOT / name, folder)
    for name in FOLDERS:
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))


def run(folder: Path, targets: list[str]) -> tuple[float, int]:
    """Wall seconds and number of jobs of one call of Snakemake; raises where it fails."""
    command = [
        sys.executable,
        "-m",
        "snakemake",
        "--cores",
        str(CORES),
        "--printshellcmds",
        *targets,
    ]
    environment = os.environ | {"PYTHONPATH": str(folder)}
    started = time.perf_counter()
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    seconds = time.perf_counter() - started
    if done.returncode:
        raise SystemExit(f"snakemake failed:\n{done.stderr[-4000:]}")
    found = _STEPS.findall(done.stderr)
    return seconds, int(found[-1]) if found else 0


def row(name: str, seconds: float, jobs: int, target: float | None) -> Row:
    return {
        "run": name,
        "wall_s": figure(seconds, 1),
        "jobs": jobs,
        "target": target or "",
        "met": "" if target is None else "yes" if seconds <= target else "no",
    }


def main() -> None:
    options = arguments(__doc__).parse_args()
    targets = [QUICK_TARGET] if options.quick else []
    facts = machine() | {"threads": 1, "snakemake_cores": CORES}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        copy_workflow(folder)
        first = run(folder, targets)
        second = run(folder, targets)
    rows = [
        row(
            "packing only" if options.quick else "all", *first, None if options.quick else TARGET_S
        ),
        row("nothing to do", *second, None),
    ]
    publish("default_experiment", rows, facts, options.out)


if __name__ == "__main__":
    main()
