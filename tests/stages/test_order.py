"""Tasks that are swapped, dropped or renamed: what the model is then, and what is left over."""

import contextlib
import os
import random

import pytest
import yaml
from toy_experiment import CLASSES, run_toy, run_whole_toy, toy_config

from lifelong.cli import main
from lifelong.families import separate
from lifelong.plan.ages import SHIFT_NS
from lifelong.records.rows import read
from lifelong.use.load import finished_model

TASKS = [{"name": name, "classes": classes} for name, classes in CLASSES.items()]
FIRST, SECOND, THIRD = CLASSES
GOALS = {"goals": {}}


def order(results) -> list[str]:
    return [shard.card.task for shard in finished_model(results / "packnet" / "s0")[0].shards]


@pytest.fixture
def swapped(tmp_path):
    """The toy run with its tasks in order, then with the last two exchanged."""
    results = run_toy(tmp_path, ["packnet"], tasks=TASKS, **GOALS)
    assert order(results) == [FIRST, SECOND, THIRD]
    first, second, third = TASKS
    return run_toy(tmp_path, ["packnet"], tasks=[first, third, second], **GOALS)


def test_the_model_is_that_of_the_order_it_was_learned_in_last(swapped):
    assert order(swapped) == [FIRST, THIRD, SECOND]
    assert len(list(swapped.glob("packnet/s0/*-*"))) == 5  # two of them left over


def test_a_copy_whose_times_are_in_any_order_has_all_tasks(tmp_path):
    results = run_whole_toy(tmp_path, ["packnet"], tasks=TASKS, **GOALS)
    files = sorted(path for path in results.rglob("*") if path.is_file())
    for seed in range(20):
        random.Random(seed).shuffle(files)
        for later, path in enumerate(files):
            os.utime(path, (1.7e9 + later,) * 2)
        assert order(results) == [FIRST, SECOND, THIRD]


def test_a_dropped_task_is_no_part_of_the_model(tmp_path):
    run_toy(tmp_path, ["packnet"], tasks=TASKS, **GOALS)
    results = run_whole_toy(tmp_path, ["packnet"], tasks=TASKS[:2], **GOALS)
    assert order(results) == [FIRST, SECOND]


def test_results_that_a_dry_run_makes_look_old_stay_the_model(swapped):
    for name in (f"01-{FIRST}", f"02-{THIRD}", f"03-{SECOND}"):
        path = swapped / "packnet/s0" / name / "infer/manifest.json"
        os.utime(path, ns=(0, path.stat().st_mtime_ns - SHIFT_NS))
    assert order(swapped) == [FIRST, THIRD, SECOND]


def test_an_unfinished_model_is_what_was_learned_of_it(swapped):
    (swapped / "packnet/s0" / f"03-{SECOND}" / "retrain" / "manifest.json").unlink()
    assert order(swapped) == [FIRST, THIRD]


def test_separate_networks_keep_their_results_when_the_order_changes(tmp_path, monkeypatch):
    first, second, third = TASKS
    given = {"tasks": [first, third, second], **GOALS}
    anew = run_toy(tmp_path / "anew", ["scratch"], **given)
    run_toy(tmp_path / "moved", ["scratch"], tasks=TASKS, **GOALS)
    monkeypatch.setattr(separate, "fit", None)  # training would fail
    moved = run_toy(tmp_path / "moved", ["scratch"], **given)
    for folder in (f"02-{THIRD}", f"03-{SECOND}"):
        for name in ("shard.h5", "record.csv"):
            file = f"scratch/s0/{folder}/baseline/{name}"
            assert (moved / file).read_bytes() == (anew / file).read_bytes(), file


@pytest.mark.parametrize("damage", ["shard.h5", "record.csv", "manifest.json"])
def test_a_damaged_network_is_not_copied_to_another_position(tmp_path, damage):
    first, second, third = TASKS
    given = {"tasks": [first, third, second], **GOALS}
    anew = run_toy(tmp_path / "anew", ["scratch"], **given)
    old = run_toy(tmp_path / "moved", ["scratch"], tasks=TASKS, **GOALS)
    path = old / f"scratch/s0/02-{SECOND}/baseline/{damage}"
    path.write_bytes(path.read_bytes()[:-9])
    moved = run_toy(tmp_path / "moved", ["scratch"], **given)
    file = f"scratch/s0/03-{SECOND}/baseline/shard.h5"
    assert (moved / file).read_bytes() == (anew / file).read_bytes()


def test_a_network_trained_under_other_settings_is_not_copied(tmp_path):
    first, second, third = TASKS
    run_toy(tmp_path, ["scratch"], tasks=TASKS, **GOALS)
    longer = {"baseline": {"epochs": 3}, "tasks": [first, third, second], **GOALS}
    moved = run_toy(tmp_path, ["scratch"], **longer)
    rows = read(moved / f"scratch/s0/03-{SECOND}/baseline/record.csv")
    assert max(row.epoch or 0 for row in rows) == 3


def test_leftovers_are_shown_and_removed(swapped, capsys):
    config = toy_config(["packnet"], tasks=[TASKS[0], TASKS[2], TASKS[1]], **GOALS)
    with contextlib.chdir(swapped.parents[1]):
        with open("mine.yaml", "w") as file:
            yaml.safe_dump(config, file)
        command = ["results/toy", "--configfile", "mine.yaml"]
        assert main(["verify", *command, "--quiet"]) == 1
        stale = [line for line in capsys.readouterr().out.splitlines() if line.startswith("stale")]
        advice = "lifelong clean results/toy --configfile mine.yaml"
        assert len(stale) == 2 * 5, stale
        assert all(line.endswith(advice) for line in stale), stale[0]
        assert main(["clean", *command]) == 0
        said = capsys.readouterr()
        assert len(said.out.splitlines()) == 10 and "nothing removed yet, add --yes" in said.err
        assert main(["clean", *command, "--yes"]) == 0
        left = sorted(path.name for path in (swapped / "packnet/s0").iterdir())
        assert left == [f"01-{FIRST}", f"02-{THIRD}", f"03-{SECOND}"]
        capsys.readouterr()
        assert main(["verify", *command, "--quiet"]) == 0
        assert main(["clean", *command, "--rungs", "--yes"]) == 0
        rungs = capsys.readouterr().out.splitlines()
        assert len(rungs) == 3 and all("ratio-0.6.h5" in line for line in rungs)
    assert order(swapped) == [FIRST, THIRD, SECOND]


def test_results_of_another_experiment_are_not_cleaned(swapped, capsys):
    config = toy_config(["packnet"], experiment="other", tasks=TASKS, **GOALS)
    with contextlib.chdir(swapped.parents[1]):
        with open("mine.yaml", "w") as file:
            yaml.safe_dump(config, file)
        assert main(["clean", "results/toy", "--configfile", "mine.yaml", "--yes"]) == 1
    assert "give the --configfile that it was run with" in capsys.readouterr().err
