"""How often tasks are looked at while one is learned, and what the curves make of it."""

import pandas as pd
import pytest
from toy_experiment import LAYERS, run_toy

from lifelong.plan.families.layers import training_of
from lifelong.records.learning import live, looks

OWN, OLDER, EPOCHS = 2, 3, 7
LOOKS = {**LAYERS["layers"], "epochs": EPOCHS, "eval_every": OWN, "eval_older_every": OLDER}


@pytest.fixture(scope="module")
def records(tmp_path_factory):
    """The training records of hps, whose older tasks move with every step, in order of tasks."""
    results = run_toy(tmp_path_factory.mktemp("looks"), ["hps"], layers=LOOKS)
    paths = sorted((results / "hps" / "s0").glob("*/train/record.csv"))
    return [pd.read_csv(path) for path in paths]


def test_older_tasks_have_an_interval_of_their_own(records):
    assert looked_at(records[0]) == {"zero_six": {0, 2, 4, 6, 7}}  # 0: before any training
    assert looked_at(records[1]) == {"zero_six": {3, 6, 7}, "one_seven": {2, 4, 6, 7}}
    newest = {"zero_six": {3, 6, 7}, "one_seven": {3, 6, 7}, "four_five": {2, 4, 6, 7}}
    assert looked_at(records[2]) == newest


def test_what_a_method_says_of_itself_stands_beside_the_tasks_accuracies(tmp_path):
    """64 patterns and 2,000 epochs of ten tasks would be hundreds of megabytes a run."""
    results = run_toy(tmp_path, ["lasem_hps"], layers=LOOKS)
    record = pd.read_csv(results / "lasem_hps/s0/01-zero_six/train/record.csv")
    said = record.dropna(subset="pattern").groupby(["metric", "pattern"])["epoch"].agg(list)
    assert said["posterior", "SS"] == said["posterior_epoch", "--"] == [2, 4, 6, 7]
    epochs = record.groupby("metric")["epoch"].agg(list)
    assert epochs["loss"] == epochs["lr"] == list(range(1, EPOCHS + 1))


def test_between_two_looks_a_curve_keeps_its_value(records):
    run = live(pd.concat(records))
    curves = looks(run, ["zero_six", "one_seven", "four_five"], "test")
    assert list(curves.index) == [0, 2, 4, 6, 7, 9, 10, 11, 13, 14, 16, 17, 18, 20, 21]
    assert curves["zero_six"].notna().all()
    assert curves.loc[9, "zero_six"] == curves.loc[7, "zero_six"]  # 7 + 2: only the new task's turn
    own = run[(run["task"] == "one_seven") & (run["on_task"] == "zero_six") & (run["epoch"] == 3)]
    assert curves.loc[10, "zero_six"] == own[own["split"] == "test"]["value"].item()


def test_older_tasks_are_looked_at_as_often_unless_said():
    given = {**LOOKS, "lr": 1.0, "decay": 0.0, "batch_size": 1}
    assert training_of(given)["eval_older_every"] == OLDER
    assert training_of({**given, "eval_older_every": None})["eval_older_every"] == OWN


def looked_at(record: pd.DataFrame) -> dict[str, set[int]]:
    """The epochs after which each task's test accuracy was taken."""
    rows = record[(record["metric"] == "accuracy") & (record["split"] == "test")]
    return {task: set(own["epoch"].astype(int)) for task, own in rows.groupby("on_task")}
