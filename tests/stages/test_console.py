"""The lines that a run prints: who started, what came out, what takes long, and why one failed."""

import io
import json
import logging
import re
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from lifelong.jobs.console import Console, show_stages

TASK = "results/toy/cpg/s0/02-b"


@pytest.fixture
def said(tmp_path, monkeypatch) -> io.StringIO:
    """What is printed, in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    return io.StringIO()


@pytest.fixture
def console(said):
    default = logging.StreamHandler(said)
    default.name = "DefaultStreamHandler"
    made = Console(default, others=1)
    yield made
    made.close()


def tell(console: Console, event: str | None, message: str | None = None, **facts: Any) -> None:
    """One of Snakemake's messages, with the facts that this event has."""
    record = logging.makeLogRecord({"msg": message, "levelno": logging.INFO, **facts})
    if event is not None:
        record.event = event
    console.handle(record)


def start(console: Console, number: int, kind: str, folder: str = TASK, **facts: Any) -> Path:
    """A job that Snakemake has started; returns its stage's folder."""
    wildcards = {"method": "cpg", "seed": "0", "task": "02-b"} if folder == TASK else {}
    path = Path(folder, kind)
    about = {"rule_name": kind, "wildcards": wildcards, "log": [f"{path}/log.txt"], "local": True}
    tell(console, "job_info", jobid=number, **{**about, **facts})
    return path


def finish(console: Console, number: int, done: int, total: int) -> None:
    tell(console, "job_finished", f"Finished jobid: {number}", job_id=number)
    tell(console, "progress", done=done, total=total)


def log(path: Path, *lines: str) -> None:
    path.mkdir(parents=True, exist_ok=True)
    (path / "log.txt").write_text("".join(f"2026-11-28 10:00:00,1 {line}\n" for line in lines))


def seal(path: Path, kind: str, **outcome: Any) -> None:
    path.mkdir(parents=True, exist_ok=True)
    (path / "manifest.json").write_text(json.dumps({"spec": {"kind": kind}, "outcome": outcome}))


def lines(said: io.StringIO) -> list[str]:
    """What was printed, without the times, which every line about a stage has."""
    stamp = r"\d\d-\d\d \d\d:\d\d:\d\d  (?=(started|finished|queued|running|failed|stopped) )"
    return [re.sub(r" +", " ", re.sub(stamp, "", line)) for line in said.getvalue().splitlines()]


def test_a_stage_is_two_lines(console, said):
    path = start(console, 4, "train")
    seal(path, "train", accuracy=0.81)
    (path / "timing.json").write_text('{"seconds": 250.0}')
    finish(console, 4, 36, 111)
    assert lines(said) == [
        "started cpg s0 02-b train",
        "finished cpg s0 02-b train: accuracy 0.810; 4 min 10 s; 1 of 110 stages done",
    ]
    assert re.match(r"\d\d-\d\d \d\d:\d\d:\d\d  started   cpg", said.getvalue())


def test_stages_of_no_task_and_jobs_that_are_no_stages(console, said):
    start(console, 1, "digits", "results/toy/pack_data", rule_name="pack_data")
    start(console, 2, "tables", "results/toy")
    start(console, 0, "all", log=[])
    finish(console, 0, 3, 3)
    assert lines(said) == ["started pack_data", "started tables"]


def test_wildcards_name_what_has_no_task(console, said):
    start(console, 1, "x", "results/toy/pack_data", rule_name="pack_data", wildcards={"d": "x"})
    assert lines(said) == ["started pack_data x"]


def test_chatter_is_dropped_and_all_else_is_printed(console, said):
    tell(console, None, "Select jobs to execute...")
    tell(console, None, "\nUpdating checkpoint dependencies.\n")
    tell(console, "job_started", "Execute 1 jobs...", jobs=[4])
    tell(console, None, "Nothing to be done")
    tell(console, "resources_info", "Provided cores: 2")
    tell(console, "an event of a later Snakemake", "Hello")
    assert lines(said) == ["Nothing to be done", "Provided cores: 2", "Hello"]


def test_a_failed_stage_says_why_in_one_line(console, said):
    log(start(console, 4, "train"), "INFO epoch 1", "ERROR train diverged: lower the lr")
    tell(console, "error", "RuleException:\nCalledProcessError in file x, line 3")
    tell(console, "job_error", "Error in rule train", jobid=4, rule_msg=None)
    assert lines(said)[1:] == [
        f"failed cpg s0 02-b train: see {TASK}/train/log.txt: train diverged: lower the lr"
    ]


def test_where_the_log_is_silent_the_cluster_or_snakemake_speaks(console, said):
    log(Path(TASK, "train"), "ERROR of an earlier run")
    start(console, 4, "train")
    logs, why = [f"{TASK}/train/log.txt", "logs/slurm/4.log"], "SLURM status is: 'OUT_OF_MEMORY'."
    more = "For further error details see the log files"
    tell(console, "job_error", "all of it", jobid=4, rule_msg=why + more, log=logs)
    start(console, 4, "train")
    tell(console, "error", "MissingOutputException: no record.csv")
    tell(console, "job_error", "Error in rule train", jobid=4, rule_msg=None)
    assert [line for line in lines(said) if not line.startswith("started")] == [
        f"failed cpg s0 02-b train: {why} (see {TASK}/train/log.txt, logs/slurm/4.log)",
        "MissingOutputException: no record.csv",
        "Error in rule train",
    ]


def test_in_a_group_only_the_stage_that_failed_is_named(console, said):
    for number, kind in enumerate(("prune", "select", "retrain")):
        start(console, number, kind, local=False, indent=True)
    log(Path(TASK, "prune"), "INFO finished in 1 s")
    log(Path(TASK, "select"), "ERROR select cannot")
    tell(console, "group_error", "Error", job_error_info=[{"jobid": number} for number in range(3)])
    for number in range(3):
        tell(console, "job_error", "Error in rule", jobid=number, rule_msg=None, indent=True)
    assert lines(said)[3:] == [
        f"failed cpg s0 02-b select: see {TASK}/select/log.txt: select cannot"
    ]
    start(console, 7, "infer", local=False, indent=True)
    tell(console, "group_error", "Error in group x", job_error_info=[{"jobid": 7}])
    assert lines(said)[-1] == "Error in group x"


def test_ctrl_c_tells_how_to_go_on(console, said):
    start(console, 4, "train")
    tell(console, None, "Terminating processes on user request, this might take some time.")
    tell(console, "job_error", "Error in rule train", jobid=4, rule_msg=None)
    assert (
        lines(said)[-1]
        == "stopped cpg s0 02-b train: the same command goes on; what trains is saved every minute"
    )


def test_long_stages_are_told_of_once_a_minute(console, said):
    now = time.monotonic()
    path = start(console, 4, "prune")
    log(path, "INFO prune to 0.4: epoch 3 of 20, 40 s left")
    for seconds in (5, 59, 62, 65, 121, 123):
        console.look(now + seconds)
    assert lines(said)[1:] == [
        "running cpg s0 02-b prune: prune to 0.4: epoch 3 of 20, 40 s left; 1 min 2 s so far",
        "running cpg s0 02-b prune: prune to 0.4: epoch 3 of 20, 40 s left; 2 min 3 s so far",
    ]
    seal(path, "prune")  # of a group that goes on
    console.look(now + 300)
    assert len(lines(said)) == 3


def test_a_cluster_starts_a_stage_when_it_writes_its_log(console, said):
    now = time.monotonic()
    log(Path(TASK, "train"), "INFO of an earlier run")
    path = start(console, 4, "train", local=False)
    console.look(now + 100)
    log(path)
    console.look(now + 200)
    log(path, "INFO 540 training images")
    console.look(now + 300)
    assert lines(said) == [
        "queued cpg s0 02-b train",
        "started cpg s0 02-b train",
        "running cpg s0 02-b train: 540 training images; 1 min 40 s so far",
    ]


def test_a_log_that_is_still_empty_adds_nothing(console, said):
    now = time.monotonic()
    log(start(console, 4, "train"))
    console.look(now + 100)
    assert lines(said)[1:] == ["running cpg s0 02-b train: 1 min 40 s so far"]


def test_of_many_long_stages_some_are_told_of(console, said):
    now = time.monotonic()
    for number in range(10):
        log(start(console, number, "train", f"results/toy/cpg/s{number}/01-a"), "INFO epoch 1")
    console.look(now + 100)
    assert len(lines(said)) == 10 + 8 + 1
    assert lines(said)[-1] == "and 2 more stages are running"


def test_a_message_that_lacks_a_fact_ends_no_run(console, said, capsys):
    tell(console, "job_info", "a job", log=["results/toy/tables/log.txt"])
    assert "Logging error" in capsys.readouterr().err


def test_it_takes_the_place_of_snakemakes_handler_alone(said):
    logger, plugin = logging.Logger("snakemake"), logging.StreamHandler(said)
    logger.addHandler(plugin)
    show_stages(logger, 0)
    assert logger.handlers == [plugin]
    plugin.name = "DefaultStreamHandler"
    show_stages(logger, 0)
    (ours,) = logger.handlers
    assert isinstance(ours, Console) and ours.default is plugin
    ours.close()


def test_names_are_printed_on_one_line(console, said):
    event = SimpleNamespace(rule_name="pack_data")
    start(console, 1, "x", "results/toy/pack_data", wildcards={"d": "a\nb"}, **vars(event))
    assert lines(said) == ["started pack_data a\\nb"]
