"""Several processes learn a task as one would: the same bits in each, and after a kill."""

import contextlib
import os
import signal
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from toy_experiment import toy_plan

from lifelong.jobs import devices, driver, ranks, runner
from lifelong.plan.errors import UserError
from lifelong.plan.plan import Plan
from lifelong.plan.stage import Key, Stage
from lifelong.records.rows import read
from lifelong.train.world import World

EPOCHS = 40
RECIPE = {"crop_padding": 1, "flip": False, "processes": 2}
TRAIN = {"epochs": EPOCHS, "lr": 0.05, "min_train_accuracy": 0.0}


def test_every_image_of_a_batch_is_seen_once_and_counts_as_much():
    x, y = torch.arange(14.0).view(7, 2), torch.arange(7)
    shares = [World(rank, 3).share(x, y) for rank in range(3)]
    assert sorted(torch.cat([share.y for share in shares]).tolist()) == list(range(7))
    means = [share.x.mean() * share.weight for share in shares]
    assert torch.isclose(sum(means), x.mean())
    assert [share.count for share in shares] == [1, 1, 1]


def test_few_images_are_seen_by_all():
    x, y = torch.arange(10.0).view(5, 2), torch.arange(5)
    shares = [World(rank, 3).share(x, y) for rank in range(3)]
    assert all(torch.equal(share.x, x) for share in shares)
    assert sum(share.weight for share in shares) == pytest.approx(1)
    assert sum(share.count * len(share.y) for share in shares) == pytest.approx(5)


@pytest.fixture(scope="module")
def trained(tmp_path_factory) -> tuple[Path, Stage]:
    """A folder, and in it the train stage of one task, done by two processes undisturbed."""
    folder = tmp_path_factory.mktemp("processes")
    plan = toy_plan(["cpg"], recipe=RECIPE, train=TRAIN)
    with contextlib.chdir(folder):
        driver.run_stage(plan.pack_stage("digits"))
        stage = first(plan)
        driver.run_stage(stage)
    return folder, stage


def first(plan: Plan) -> Stage:
    return plan.stage(Key("train", "cpg", 0, 1))


def files_of(stage: Stage) -> dict[str, bytes]:
    names = ("candidate.h5", "record.csv", "manifest.json")
    return {name: Path(stage.path(name)).read_bytes() for name in names}


def test_two_processes_learn_a_task(trained):
    folder, stage = trained
    rows = read(folder / stage.path("record.csv"))
    accuracies = [row.value for row in rows if row.metric == "accuracy" and row.epoch == EPOCHS]
    assert len(accuracies) == 2 and min(accuracies) > 0.9
    assert not list((folder / stage.folder).parent.glob(".resume-*"))


def test_a_process_that_is_killed_ends_the_stage_which_goes_on_to_the_same_bytes(trained):
    folder, stage = trained
    with contextlib.chdir(folder):
        undisturbed = files_of(stage)
        killer = threading.Thread(target=kill_the_second, args=(Path(stage.path("log.txt")),))
        killer.start()
        with pytest.raises(
            UserError, match=r"one of the 2 processes .* ended from outside.*run again"
        ):
            driver.run_stage(stage)
        killer.join()
        assert not Path(stage.path("manifest.json")).exists()
        with pytest.raises(UserError, match="the time limit is near"):
            driver.run_stage(replace(stage, ends=time.monotonic()))
        driver.run_stage(stage)
        assert "resumed in epoch 1 at step 1" in Path(stage.path("log.txt")).read_text()
        assert files_of(stage) == undisturbed


def kill_the_second(log: Path) -> None:
    """Once a first epoch is over; the log of an earlier run is written over at the start."""
    log.unlink()
    while not (log.is_file() and "epoch 1 of" in log.read_text()):
        time.sleep(0.02)
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            ours = ranks.__name__.encode() in (process / "cmdline").read_bytes()
            if ours and b"\0RANK=1\0" in (process / "environ").read_bytes():
                os.kill(int(process.name), signal.SIGKILL)


def test_a_stage_takes_the_device_that_fewest_hold(tmp_path):
    names = ["0", "1", "GPU-a3"]
    with devices.taken(names, 1, tmp_path) as one, devices.taken(names, 1, tmp_path) as other:
        assert (one, other) == (["0"], ["1"])
        with devices.taken(names, 2, tmp_path) as two:
            assert two == ["GPU-a3", "0"]
            with devices.taken(names, 5, tmp_path) as every:
                assert sorted(every) == names
    with devices.taken(names, 1, tmp_path) as free_again:
        assert free_again == ["0"]


def test_devices_are_shared_out_only_where_nobody_else_does():
    assert devices.names_of({}, 3) == ["0", "1", "2"]
    assert devices.names_of({"CUDA_VISIBLE_DEVICES": "4,7"}, 2) == ["4", "7"]
    assert devices.names_of({}, 1) == devices.names_of({}, 0) == []
    assert devices.names_of({"CUDA_VISIBLE_DEVICES": "0,1", "SLURM_JOB_ID": "5"}, 2) == []


def test_attempts_to_grow_count_with_all_other_stages_who_has_which_gpu(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("lifelong.train.device.gpus", lambda: 2)
    monkeypatch.setenv(devices.VISIBLE, "4,7")
    plan = toy_plan(["cpg"])
    train = plan.stage(Key("train", "cpg", 0, 2))
    expand = plan.stage(Key("expand", "cpg", 0, 2, 1))
    with runner._gpus(train, 1):
        assert os.environ[devices.VISIBLE] == "4"
        monkeypatch.setenv(devices.VISIBLE, "4,7")
        with runner._gpus(expand, 1):
            assert os.environ[devices.VISIBLE] == "7"


def test_only_methods_that_share_batches_out_have_several_processes():
    recipe = {"crop_padding": 1, "flip": False, "processes": 2}
    plan = toy_plan(["cpg", "joint"], recipe=recipe, goals={})
    stages = {name: plan.stage(Key("train", name, 0, 1)) for name in ("cpg", "joint")}
    assert [plan.processes(Key("train", name, 0, 1)) for name in stages] == [2, 1]
    assert "processes" in stages["cpg"].spec.recipe
    assert "processes" not in stages["joint"].spec.recipe
