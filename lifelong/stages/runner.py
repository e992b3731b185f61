"""Run one stage as a job: its log, its one error message, its exit code."""

import importlib
import json
import logging
import os
import sys
import time
from pathlib import Path
from typing import Any

from lifelong.plan.errors import UserError
from lifelong.plan.stage import Stage

log = logging.getLogger("lifelong")


def execute(stage: Stage, log_path: str | None = None) -> None:
    """Run a stage; its log goes to `log_path`. Raises UserError for a user's mistake."""
    # Before CUDA starts: without it sums on a GPU vary from run to run.
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    handler = _log_to(Path(log_path or stage.path("log.txt")))
    started = time.monotonic()
    try:
        module = importlib.import_module(f"lifelong.stages.{stage.kind}")
        module.run(stage)
        log.info("finished in %.1f s", time.monotonic() - started)
    except UserError as error:
        log.error("%s", error)
        raise
    except Exception:
        log.exception("this is a bug in lifelong, not in your data or configuration")
        raise
    finally:
        log.removeHandler(handler)
        handler.close()


def from_snakemake(kind: str, job: Any) -> None:
    """Run the stage of a Snakemake job; a user's mistake ends it without a traceback."""
    os.environ.setdefault("OMP_NUM_THREADS", str(job.threads))
    inputs = {
        name: value if isinstance(value, str) else list(value) for name, value in job.input.items()
    }
    stage = Stage(kind, job.params.folder, inputs, json.loads(job.params.spec), job.threads)
    try:
        execute(stage, job.log[0])
    except UserError as error:
        sys.exit(f"Error: {error}")


def _log_to(path: Path) -> logging.Handler:
    path.parent.mkdir(parents=True, exist_ok=True)
    handler = logging.FileHandler(path, mode="w")
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    return handler
