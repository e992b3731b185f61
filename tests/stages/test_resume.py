"""What a killed stage goes on from, and the clock that says how often it is saved."""

import errno

import pytest
import torch
from harness_tree import Killed, content
from toy_experiment import run_toy, toy_config
from toy_ground import run_on_ground

from lifelong.families import separate
from lifelong.jobs import runner
from lifelong.plan.errors import OutOfTime
from lifelong.train import loop
from lifelong.work import resume, shards
from lifelong.work.resume import ResumeFile


@pytest.fixture
def clock(monkeypatch):
    """A clock that the test moves; writing takes as long as `clock.write` says."""

    class Clock:
        now, write = 1000.0, 0.0

    def write_arrays(*_):
        Clock.now += Clock.write

    monkeypatch.setattr(resume.time, "monotonic", lambda: Clock.now)
    monkeypatch.setattr(resume.store, "write_arrays", write_arrays)
    return Clock


def next_save(file: ResumeFile, clock) -> float:
    """Seconds until a save is due; then it is made."""
    started = clock.now
    while not file.due():
        clock.now += 1.0
    waited = clock.now - started
    file.save({"a": torch.zeros(1)}, {})
    return waited


def test_a_quick_save_is_due_every_minute(tmp_path, clock):
    clock.write = 0.25
    file = ResumeFile(tmp_path / "a.h5", "key")
    assert [next_save(file, clock) for _ in range(3)] == [60.0, 60.0, 60.0]


def test_a_slow_save_takes_a_hundredth_of_the_time(tmp_path, clock):
    clock.write = 3.0
    file = ResumeFile(tmp_path / "a.h5", "key")
    assert [next_save(file, clock) for _ in range(2)] == [60.0, 300.0]
    clock.write = 0.0
    assert [next_save(file, clock) for _ in range(2)] == [300.0, 60.0]


def test_before_a_time_limit_the_stage_is_saved_and_left(tmp_path, clock):
    clock.write = 0.5
    file = ResumeFile(tmp_path / "a.h5", "key", ends=clock.now + 200.0)
    assert next_save(file, clock) == 60.0
    while not file.due():
        clock.now += 1.0
    file.save({}, {})  # the minute is over, not the limit
    while not file.due():
        clock.now += 1.0
    left = 1000.0 + 200.0 - clock.now
    assert resume.LEAVE_S < left <= resume.LEAVE_S + 3 * clock.write
    with pytest.raises(OutOfTime, match="goes on when run again"):
        file.save({}, {})


def test_slurm_says_when_a_job_ends_and_local_runs_have_no_limit(monkeypatch):
    monkeypatch.setattr(runner.time, "monotonic", lambda: 500.0)
    monkeypatch.setattr(runner.time, "time", lambda: 10_000.0)
    assert runner.end_of({}, 240) is None
    assert runner.end_of({"SLURM_JOB_END_TIME": "10090", "SLURM_JOB_ID": "1"}, 240) == 590.0
    assert runner.end_of({"SLURM_JOB_ID": "1"}, 2) == 500.0 + 120 - 15
    assert runner.end_of({"SLURM_JOB_ID": "1"}, None) is None


def test_a_repetition_that_was_finished_is_not_trained_again(tmp_path, monkeypatch):
    few = {"epochs": 2, "lr": 0.05, "finetune_lr": 0.02, "milestones": [], "repetitions": 3}
    given = {"tasks": toy_config(["finetune"])["tasks"][:1], "goals": {}, "baseline": few}
    whole = run_on_ground(tmp_path / "whole", ["finetune"], **given)
    trained: list[str] = []

    def fit(*given, name: str, **named):
        trained.append(name)
        if trained == ["baseline 0", "baseline 1", "baseline 2"]:
            raise Killed
        return loop.fit(*given, name=name, **named)

    monkeypatch.setattr(separate, "fit", fit)
    with pytest.raises(Killed):
        run_on_ground(tmp_path / "killed", ["finetune"], **given)
    again = run_on_ground(tmp_path / "killed", ["finetune"], **given)
    assert trained[3:] == ["baseline 2"]
    assert content(again / "finetune") == content(whole / "finetune")


def test_what_was_learned_survives_a_disk_that_is_full_at_the_end(tmp_path, monkeypatch):
    given = {"tasks": toy_config(["packnet"])["tasks"][:1], "goals": {}}
    whole = run_toy(tmp_path / "whole", ["packnet"], **given)
    monkeypatch.setattr(resume, "SAVE_EVERY_S", 0.0)
    monkeypatch.setattr(resume, "SHARE_OF_TIME", 1e9)  # however long it takes
    steps, full = 0, []

    def one_step(run, x, y):
        nonlocal steps
        steps += 1
        real_step(run, x, y)

    def write(path, *given, **named):
        if path.name == "candidate.h5" and not full:
            full.append(path)
            raise OSError(errno.ENOSPC, "No space left on device")
        return real_save(path, *given, **named)

    real_step, real_save = loop._Run.one_step, shards.save
    monkeypatch.setattr(loop._Run, "one_step", one_step)
    monkeypatch.setattr(shards, "save", write)
    with pytest.raises(OSError, match="No space"):
        run_toy(tmp_path / "full", ["packnet"], **given)
    learned, steps = steps, 0
    again = run_toy(tmp_path / "full", ["packnet"], **given)
    assert learned == 6 * 7 and steps <= 3 * 7 + 1  # of retraining, and perhaps one of these again
    assert content(again / "packnet") == content(whole / "packnet")
