"""Where the seconds of a finished run went: inside the stages, or in starting them.

Reads log.txt and benchmark.tsv of every job under results/EXPERIMENT, per rule:

  jobs       how many
  job_s      mean wall seconds of the Snakemake job (benchmark.tsv, column s)
  stage_s    mean seconds of the stage (log.txt, "finished in"), its imports of torch included
  start_s    job_s - stage_s: start of Python, Snakemake's preamble
  work_s     mean seconds from the first to the last line of log.txt, written once imports are done
             and images are read; empty where a stage writes one line
  all_s      job_s (local rules: stage_s) times jobs, what the rule costs a run on one core

Then pieces of a start, each the median wall seconds of five fresh processes. There is no target:
the table says what is worth making faster.
"""

import re
import statistics
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from table import Row, arguments, figure, machine, publish

PIECES = {
    "python -c pass": "pass",
    "import torch": "import torch",
    "import lifelong.stages.train": "import lifelong.stages.train",
    # Torch imports its compiler with the first optimiser.
    "import torch, first optimiser": "import torch; torch.optim.SGD([torch.zeros(1)], lr=0.1)",
}
REPEATS = 5
_FINISHED = re.compile(r"finished in ([\d.]+) s")
_STAMP = "%Y-%m-%d %H:%M:%S,%f"


class Job(NamedTuple):
    rule: str
    job_s: float | None
    stage_s: float | None
    work_s: float | None


def jobs_of(experiment: Path) -> list[Job]:
    """Every job that left a log under an experiment's folder, in order of path."""
    return [_job(experiment, log) for log in sorted(experiment.rglob("log.txt"))]


def by_rule(jobs: Iterable[Job]) -> list[Row]:
    """One row a rule, the dearest first."""
    groups: dict[str, list[Job]] = defaultdict(list)
    for job in jobs:
        groups[job.rule].append(job)
    rows = [_rule_row(rule, group) for rule, group in groups.items()]
    return sorted(rows, key=lambda row: -row["all_s"])


def pieces(repeats: int) -> list[Row]:
    """Median seconds of fresh processes; with one repeat only the first piece."""
    chosen = list(PIECES.items())[: 1 if repeats == 1 else None]
    return [
        {"piece": name, "wall_s": figure(_process_s(code, repeats), 3), "repeats": repeats}
        for name, code in chosen
    ]


def _job(experiment: Path, log: Path) -> Job:
    lines = log.read_text().splitlines()
    stamps = [datetime.strptime(line[:23], _STAMP) for line in lines if _stamped(line)]
    found = [match for line in lines if (match := _FINISHED.search(line))]
    work = (stamps[-1] - stamps[0]).total_seconds() if len(stamps) > 2 else None
    return Job(
        rule_of(log.relative_to(experiment).parent.parts),
        _seconds(log.with_name("benchmark.tsv")),
        float(found[-1][1]) if found else None,
        work,
    )


def rule_of(parts: tuple[str, ...]) -> str:
    """The rule of a folder below an experiment: its last part that is no attempt and no set."""
    if parts[0] == "pack_data":
        return parts[0]
    return parts[-2] if re.fullmatch(r"a\d+", parts[-1]) else parts[-1]


def _stamped(line: str) -> bool:
    return bool(re.match(r"\d{4}-\d\d-\d\d ", line))


def _seconds(benchmark: Path) -> float | None:
    """Column s; local rules have no such file."""
    if not benchmark.is_file():
        return None
    names, values = (line.split("\t") for line in benchmark.read_text().splitlines()[:2])
    return float(values[names.index("s")])


def _rule_row(rule: str, jobs: list[Job]) -> Row:
    starts = [j.job_s - j.stage_s for j in jobs if None not in (j.job_s, j.stage_s)]
    job_s, stage_s = _mean(jobs, lambda j: j.job_s), _mean(jobs, lambda j: j.stage_s)
    each = stage_s if job_s == "" else job_s
    return {
        "rule": rule,
        "jobs": len(jobs),
        "job_s": job_s,
        "stage_s": stage_s,
        "start_s": figure(statistics.mean(starts), 2) if starts else "",
        "work_s": _mean(jobs, lambda j: j.work_s),
        "all_s": figure(float(each or 0) * len(jobs), 1),
    }


def _mean(jobs: list[Job], value: Callable[[Job], float | None]) -> float | str:
    found = [v for job in jobs if (v := value(job)) is not None]
    return figure(statistics.mean(found), 2) if found else ""


def _process_s(code: str, repeats: int) -> float:
    times = []
    for _ in range(repeats):
        started = time.perf_counter()
        subprocess.run([sys.executable, "-c", code], check=True)
        times.append(time.perf_counter() - started)
    return statistics.median(times)


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("experiment", type=Path, help="such as results/digits")
    options = parser.parse_args()
    jobs = jobs_of(options.experiment)
    if not jobs:
        parser.error(f"{options.experiment} holds no log.txt: name the folder of a finished run")
    facts = machine()
    publish("stage_seconds", by_rule(jobs), facts, options.out)
    publish("start_seconds", pieces(1 if options.quick else REPEATS), facts, options.out)


if __name__ == "__main__":
    main()
