"""What `lifelong show` says of how long methods trained."""

from dataclasses import replace
from pathlib import Path

import pytest
from learning_rows import all_rows, worked, write_results

from lifelong import store
from lifelong.records import tables
from lifelong.use.show import show


@pytest.fixture
def base(tmp_path) -> Path:
    """Two methods; all stages of tasks took 60 s."""
    runs = [worked(0), worked(1), replace(worked(0), method="stl")]
    base = write_results(tmp_path, runs)
    frame, folder = tables.frame(all_rows(runs)), base / "tables"
    folder.mkdir()
    summary = tables.summary_table(frame, ["fish", "apes"], ["stl", "hps"])
    summary.to_csv(folder / "summary.csv", index=False)
    tables.goals_table(frame).to_csv(folder / "goals.csv", index=False)
    return base


def minutes(base: Path) -> list[str]:
    return [line for line in show(base).splitlines() if line.startswith("minutes of")]


def test_tables_that_are_older_than_their_records_are_told(base):
    record = base / "hps/s0/01-fish/train/record.csv"
    inputs = {f"results/old/{record.relative_to(base)}": store.digest(record)}
    store.write_manifest(base / "tables", {}, inputs=inputs, spec={}, outcome={})
    assert "older than the results" not in show(base)
    record.write_text(record.read_text() + "\n")
    first, second, *_ = show(base).splitlines()
    assert first == (
        "warning: these tables are older than the results: 1 of 1 records are others now, or gone; "
        "make them again: snakemake --cores 2"
    )
    assert second.startswith("hps s0: ")


def test_minutes_are_those_of_training_a_run(base):
    timing = base / "hps" / "s1" / "01-fish" / "train" / "timing.json"
    timing.write_text('{"seconds": 180.0}')
    # train and retrain of two tasks take 4 minutes; the second seed of hps took 2 more
    assert minutes(base) == ["minutes of training per run, wall (CPU): stl 4.0, hps 5.0"]


def test_a_run_without_all_of_its_timing_is_left_out(base):
    (base / "hps" / "s1" / "01-fish" / "train" / "timing.json").unlink()
    assert minutes(base) == ["minutes of training per run, wall (CPU): stl 4.0, hps 4.0"]
    for timing in base.rglob("timing.json"):
        timing.unlink()
    assert minutes(base) == []
    assert show(base).splitlines()[-1].startswith("report: ")


def test_cpu_minutes_stand_beside_those_of_the_wall(base):
    for path in base.glob("hps/*/*/*/timing.json"):
        path.write_text('{"seconds": 60.0, "cpu_seconds": 90.0}')
    # those of stl are of a version that did not measure them
    assert minutes(base) == ["minutes of training per run, wall (CPU): stl 4.0, hps 4.0 (6.0)"]


def test_an_unfinished_experiment_says_what_is_done_and_what_runs(tmp_path):
    run = tmp_path / "results/toy/cpg/s0"
    for folder, log, sealed in (
        ("01-a/infer", "finished", True),
        ("02-b/prune", "prune to 0.4: epoch 3 of 20", False),
        ("02-b/train", "finished", True),
        ("03-c/train", "it needs two classes", False),
    ):
        (run / folder).mkdir(parents=True)
        level = "ERROR" if folder.startswith("03") else "INFO"
        (run / folder / "log.txt").write_text(f"2026-11-28 10:00:00,123 {level} {log}\n")
        if sealed:
            (run / folder / "manifest.json").write_text("{}")
    assert show(tmp_path / "results/toy").splitlines()[1:] == [
        "cpg s0: 1 task done, the newest a",
        "running: cpg s0 02-b prune: prune to 0.4: epoch 3 of 20",
        "failed: cpg s0 03-c train: it needs two classes",
        "add the --configfile that it runs with for an estimate of the time left",
    ]
