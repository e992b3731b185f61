"""What Snakemake prints while it works: one line as a stage starts, ends, and each minute between.

A handler of Python's logging in place of the one that Snakemake has for the terminal. It is no
logger plugin: Snakemake finds those as packages in folders of its path, which neither an editable
installation nor a bare clone is, and a profile that names one it cannot find ends every command.
All that is not about jobs goes on to Snakemake's handler, and .snakemake/log keeps everything.
"""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lifelong.plan.errors import printable
from lifelong.plan.paths import MANIFEST, place_of
from lifelong.records.durations import stage_seconds, time_words
from lifelong.records.outcomes import outcome_words
from lifelong.records.stage_log import last_said, why_failed

_OF_SNAKEMAKE = "DefaultStreamHandler"
_CHATTER = (
    "Select jobs to execute...",
    "Updating checkpoint dependencies.",
    "DAG of jobs will be updated after completion.",
)
_STOPPED = "Terminating processes on user request"  # how that line begins
_LOOK_S = 5.0  # between two looks at what stages write
_LONG_S = 30.0  # a stage at work for so long is told of every minute
_MOST = 8  # stages told of in one minute: a cluster may run a hundred
Event = Any  # a LogRecord; Snakemake's facts are its attributes


def show_stages(logger: logging.Logger, others: int) -> None:
    """Let a line per stage take the place of Snakemake's paragraph per job.

    `others` of its jobs are no stages. Does nothing where another handler owns the terminal: a
    logger plugin that somebody chose, or that of an older Snakemake.
    """
    for handler in logger.handlers:
        if isinstance(handler, logging.StreamHandler) and handler.name == _OF_SNAKEMAKE:
            logger.removeHandler(handler)
            logger.addHandler(Console(handler, others))
            return


@dataclass
class Running:
    """A stage that Snakemake has started, or handed to a cluster, where it may wait."""

    name: str
    log: Path
    queued: bool
    since: float = field(default_factory=time.monotonic)
    log_before: tuple[int, int] | None = None  # what an earlier run left

    @property
    def folder(self) -> Path:
        return self.log.parent

    def has_written(self) -> bool:
        """Whether its log is there, and not that of an earlier run."""
        return _state_of(self.log) not in (None, self.log_before)

    def is_at_work(self) -> bool:
        """One of a group may have ended, and is told of when all of the group have."""
        return not self.queued and self.has_written() and not self.sealed()

    def sealed(self) -> bool:
        return (self.folder / MANIFEST).exists()


def _state_of(path: Path) -> tuple[int, int] | None:
    try:
        facts = path.stat()
    except OSError:
        return None
    return facts.st_mtime_ns, facts.st_size


class Console(logging.Handler):
    """Writes where Snakemake's handler for the terminal writes."""

    def __init__(self, default: "logging.StreamHandler[Any]", others: int = 0) -> None:
        super().__init__()
        self.default, self.others = default, others
        self.running: dict[int, Running] = {}  # by Snakemake's number of the job
        self.ended: list[Running] = []  # not told yet: Snakemake counts them a moment later
        self.done = 0
        self.stopped = False  # by Ctrl-C
        self.told = time.monotonic()
        self.closing = threading.Event()
        self.take: dict[str, Callable[[Event], None]] = {
            "job_info": self._begun,
            "job_finished": self._finished,
            "progress": self._counted,
            "job_error": self._failed,
            "group_error": self._group_failed,
            "error": self._error,
            "None": self._remark,
        }
        self.take |= dict.fromkeys(("job_started", "group_info", "shellcmd"), lambda event: None)
        threading.Thread(target=self._watch, daemon=True).start()

    def emit(self, record: logging.LogRecord) -> None:
        try:
            self.take.get(str(getattr(record, "event", None)), self.default.handle)(record)
        except Exception:  # as every handler does: a line that cannot be told must end no run
            self.handleError(record)

    def flush(self) -> None:
        self.default.flush()

    def close(self) -> None:
        self.closing.set()
        self.default.close()
        super().close()

    def _say(self, what: str, stage: Running, words: str) -> None:
        clock = time.strftime("%m-%d %H:%M:%S")
        said = printable(f"{stage.name}: {words}" if words else stage.name)
        self.default.stream.write(f"{clock}  {what:<8}  {said}\n")
        self.default.flush()

    def _begun(self, event: Event) -> None:
        if not event.log:  # the rule that only names targets
            return
        log = Path(event.log[0])
        stage = Running(_name_of(event), log, not event.local, log_before=_state_of(log))
        self.running[event.jobid] = stage
        self._say("queued" if stage.queued else "started", stage, "")

    def _finished(self, event: Event) -> None:
        if event.job_id in self.running:
            self.ended.append(self.running.pop(event.job_id))

    def _counted(self, event: Event) -> None:
        for stage in self.ended:
            self.done += 1
            seconds = stage_seconds(stage.folder)
            took = time_words(time.monotonic() - stage.since if seconds is None else seconds)
            count = f"{self.done} of {event.total - self.others} stages done"
            words = (outcome_words(stage.folder), took, count)
            self._say("finished", stage, "; ".join(filter(None, words)))
        self.ended.clear()

    def _failed(self, event: Event) -> None:
        stage = self.running.pop(event.jobid, None)
        if getattr(event, "indent", False):  # told with its group
            return
        if stage is not None and self.stopped:
            self._say(
                "stopped", stage, "the same command goes on; what trains is saved every minute"
            )
        elif stage is None or not (self._say_why(stage) or self._say_of_cluster(stage, event)):
            self.default.handle(event)

    def _group_failed(self, event: Event) -> None:
        """Of a group, the stage that failed is the one whose log says so."""
        stages = [self.running.get(job["jobid"]) for job in event.job_error_info]
        said = [self._say_why(stage) for stage in stages if stage is not None]
        if not any(said):
            self.default.handle(event)

    def _say_why(self, stage: Running) -> bool:
        why = why_failed(stage.log) if stage.has_written() else ""
        if why:
            # Last, because it may end with a command to be copied.
            self._say("failed", stage, f"see {stage.log}: {why}")
        return bool(why)

    def _say_of_cluster(self, stage: Running, event: Event) -> bool:
        """Why a cluster ended a stage that could not say so itself; its own log comes last."""
        why = str(event.rule_msg or "").partition("For further error details")[0].strip()
        if why:
            self._say("failed", stage, f"{why} (see {', '.join(map(str, event.log))})")
        return bool(why)

    def _error(self, event: Event) -> None:
        """That a job's command failed says nothing of why: the line of the stage does."""
        if "CalledProcessError" not in str(event.msg):
            self.default.handle(event)

    def _remark(self, event: Event) -> None:
        said = str(event.msg).strip()
        self.stopped = self.stopped or said.startswith(_STOPPED)
        if said not in _CHATTER:
            self.default.handle(event)

    def _watch(self) -> None:
        while not self.closing.wait(_LOOK_S):
            self.acquire()
            try:
                self.look(time.monotonic())
            finally:
                self.release()

    def look(self, now: float) -> None:
        """Tell which stages a cluster has begun and, every minute, what the long ones do."""
        for stage in self.running.values():
            if stage.queued and stage.has_written():
                stage.queued, stage.since = False, now
                self._say("started", stage, "")
        if now - self.told < 60:
            return
        self.told = now
        stages = [stage for stage in self.running.values() if now - stage.since >= _LONG_S]
        at_work = [stage for stage in stages if stage.is_at_work()]
        for stage in at_work[:_MOST]:
            words = (last_said(stage.log), f"{time_words(now - stage.since)} so far")
            self._say("running", stage, "; ".join(filter(None, words)))
        if more := len(at_work[_MOST:]):
            self.default.stream.write(f"and {more} more stages are running\n")


def _name_of(event: Event) -> str:
    """Method, seed, task and stage; for other jobs their rule and wildcards."""
    place = place_of(event.log[0])
    if place is not None:
        return place.words
    return " ".join([event.rule_name, *map(str, event.wildcards.values())])
