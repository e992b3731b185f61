"""Run one stage as a job: its log, its one error message, its exit code."""

import contextlib
import importlib
import json
import logging
import os
import resource
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from lifelong.jobs import aside, devices, failures, owner, ranks
from lifelong.jobs.handover import FILE_LOCKS, VARIABLE, hand_over
from lifelong.jobs.request import Request
from lifelong.plan.errors import UserError
from lifelong.plan.paths import MANIFEST, split_root
from lifelong.plan.stage import Stage
from lifelong.records.stage_log import STOPPED

log = logging.getLogger("lifelong")
_ON_GPU = ("baseline", "train", "expand", "prune", "retrain", "infer")
_FIGURES = ".snakemake/lifelong/matplotlib"  # its list of fonts, where there is no home for it
TAKEN_BACK = "as before: made under the same settings from the same files"
_SLURM_START_S = 15.0  # what two Snakemakes take, about, before a job of theirs starts


def execute(
    stage: Stage,
    log_path: str | None = None,
    cpu_clock: Callable[[], float] = time.process_time,
) -> None:
    """Run a stage; its log goes to `log_path`. Raises UserError for a user's mistake."""
    # Before CUDA starts: without it sums on a GPU vary from run to run.
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    # Figures are drawn without a window; the backend of a notebook's shell may not be there.
    os.environ["MPLBACKEND"] = "agg"
    if not os.access(os.path.expanduser("~"), os.W_OK):  # as on nodes of some clusters
        os.environ.setdefault("MPLCONFIGDIR", os.path.abspath(_FIGURES))
    os.environ[FILE_LOCKS] = "FALSE"
    handler = _log_to(Path(log_path or stage.path("log.txt")))
    started, cpu = time.monotonic(), cpu_clock()
    try:
        from lifelong.work.seal import check_inputs  # h5py; a job's own process has no need of it

        module = importlib.import_module(f"lifelong.stages.{stage.kind}")
        check_inputs(stage)
        module.run(stage)
        _say_timing(stage, time.monotonic() - started, cpu_clock() - cpu)
    except (UserError, OSError) as error:
        # An OSError is the disk's fault as a rule, but where it was met may help.
        log.error("%s", told(error), exc_info=isinstance(error, OSError))
        raise
    except KeyboardInterrupt:
        log.info(STOPPED)
        raise
    except Exception:
        log.exception("this is a bug in lifelong, not in your data or configuration")
        raise
    finally:
        log.removeHandler(handler)
        with contextlib.suppress(OSError):  # of a full disk, which has been told by then
            handler.close()


def _say_timing(stage: Stage, seconds: float, cpu_seconds: float) -> None:
    """Write timing.json: Snakemake's benchmark.tsv does not see what the warm worker did.

    It differs in every run, so no manifest names it. Time spent before a stage was interrupted and
    resumed is not included.
    """
    from lifelong.plan import advice
    from lifelong.store import write_text

    log.info(
        "finished in %.1f s, %.1f s of CPU time, at most %.0f MB", seconds, cpu_seconds, _peak_mb()
    )
    timing = {"seconds": seconds, "cpu_seconds": cpu_seconds, "peak_mb": _peak_mb()}
    facts: dict[str, Any] = {name: round(value, 3) for name, value in timing.items()}
    facts["command"] = os.environ.get(advice.VARIABLE)
    write_text(Path(stage.path(advice.TIMING)), json.dumps(facts) + "\n")


def from_snakemake(kind: str, job: Any) -> None:
    """Run the stage of a Snakemake job, in the warm worker if there is one.

    A user's mistake ends the process without a traceback, and so does Ctrl-C.
    """
    os.environ.setdefault("OMP_NUM_THREADS", str(job.threads))
    request = _request_of(kind, job)
    failures.forget(request.folder)
    address = os.environ.get(VARIABLE, "off")
    if request.processes > 1:
        address = "off"  # several processes have nothing from the worker
    if owner.VARIABLE in os.environ:
        owner.end_with(int(os.environ[owner.VARIABLE]))
    try:
        ended = None if address == "off" else hand_over(address, asdict(request))
        if ended is None:
            _run(request)
        else:
            if isinstance(ended, str):
                failures.keep(request.folder, ended.removeprefix("Error: "))
            sys.exit(ended)
    except KeyboardInterrupt:
        sys.exit(130)


def _request_of(kind: str, job: Any) -> Request:
    """What the object that Snakemake gives its scripts asks for."""
    return Request(
        kind,
        _folder(job.output),
        {
            name: value if isinstance(value, str) else list(value)
            for name, value in job.input.items()
            if name != "anchor"  # for Snakemake alone: see jobs/stale.py
        },
        json.loads(job.params.spec),
        job.threads,
        end_of(os.environ, job.resources.get("runtime")),
        log=job.log[0],
        working_folder=os.getcwd(),
        environment=dict(os.environ),
    )


def _folder(outputs: Sequence[str]) -> str:
    """Where a job writes: beside its manifest, wherever `prefix:` or a storage has put that.

    Not `params.folder`: Snakemake does not move it. It stays in the rules only because Snakemake
    would run every finished stage again without it.
    """
    return os.path.dirname(outputs[-1])


def end_of(environ: Mapping[str, str], runtime_min: float | None) -> float | None:
    """When SLURM will end this job, as time.monotonic() counts; None outside of SLURM.

    Local runs have no limit: there `runtime` says nothing.
    """
    now = time.monotonic()
    if "SLURM_JOB_END_TIME" in environ:
        return now + float(environ["SLURM_JOB_END_TIME"]) - time.time()
    if "SLURM_JOB_ID" in environ and runtime_min:
        return now + 60 * runtime_min - _SLURM_START_S
    return None


def run_request(request: Mapping[str, Any]) -> None:
    """In a child of the worker: run a stage in place of the process that asked for it."""
    asked = Request(**request)
    os.chdir(asked.working_folder)
    os.environ.clear()
    os.environ.update(asked.environment)
    _run(asked)


def _run(request: Request) -> None:
    try:
        stage = request.stage()
        if aside.take_back(stage):
            _say_taken_back(request.log)
        else:
            with _gpus(stage, request.processes):
                if request.processes > 1:
                    ranks.run(request)
                else:
                    execute(stage, request.log)
            aside.forget(Path(stage.folder))

        from lifelong.jobs.clocks import bring_back

        bring_back(stage.files_read(), Path(stage.path(MANIFEST)))
    except (UserError, OSError) as error:
        failures.keep(request.folder, told(error))
        sys.exit(f"Error: {told(error)}")
    except Exception as error:
        what = f"{type(error).__name__}: {error}"
        failures.keep(request.folder, f"a bug in lifelong ({what}), see {request.log}")
        raise


def _say_taken_back(log_path: str) -> None:
    handler = _log_to(Path(log_path))
    log.info(TAKEN_BACK)
    log.removeHandler(handler)
    handler.close()


@contextlib.contextmanager
def _gpus(stage: Stage, count: int) -> Iterator[None]:
    """While a stage of a task runs: only `count` of the machine's GPUs are to be seen."""
    names = []
    if stage.kind in _ON_GPU:
        from lifelong.train.device import gpus  # torch, which a stage of this kind needs anyway

        names = devices.names_of(os.environ, gpus())
    if not names:
        yield
        return
    place = split_root(stage.folder)
    assert place is not None
    with devices.taken(names, count, Path(place[0]) / devices.FOLDER) as mine:
        os.environ[devices.VISIBLE] = ",".join(mine)
        yield


def told(error: Exception) -> str:
    """The message of an error, with the command that makes a file again."""
    from lifelong.plan import advice  # a process that hands over has no need of it

    return advice.advised(error, os.environ.get(advice.VARIABLE))


def _peak_mb() -> float:
    """The most memory that this process has held."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1e6 if sys.platform == "darwin" else 1e6 / 1024)


class _LogFile(logging.FileHandler):
    def handleError(self, record: logging.LogRecord) -> None:
        """A full disk stops the stage with one line; here each record would be a traceback."""


def _log_to(path: Path) -> logging.Handler:
    path.parent.mkdir(parents=True, exist_ok=True)
    handler = _LogFile(path, mode="w")
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    return handler
