"""Tasks learned together: what every method must do, in a lesson of two tasks and one of one."""

from functools import partial
from pathlib import Path

import every_method
import pandas as pd
import pytest
from known_methods import JOINT_METHODS
from made_once import made_once
from toy_experiment import TASKS, run_toy, run_whole_toy

LESSONS = {
    "joint": {"lessons": [list(TASKS[:2]), TASKS[2]]},
    "train": {"epochs": 6, "lr": 0.1, "milestones": [4]},  # losses count half: twice the usual rate
    # At such rates its weights run away to the easier task.
    "method_settings": {"uncertainty": {"train": {"epochs": 12, "lr": 0.02, "milestones": []}}},
}
FOLDERS = [f"02-{TASKS[0]}+{TASKS[1]}", f"03-{TASKS[2]}"]


@pytest.fixture(scope="module")
def results(tmp_path_factory) -> Path:
    """Results of all methods, never interrupted."""
    run = partial(run_whole_toy, methods=JOINT_METHODS, **LESSONS)
    return made_once(tmp_path_factory, "undisturbed_joint", run)


@pytest.mark.parametrize("method", JOINT_METHODS)
def test_learns_and_never_forgets(results, method):
    every_method.learns(results, method)
    every_method.never_forgets(results, method)


@pytest.mark.parametrize("method", JOINT_METHODS)
def test_the_size_report_equals_the_bytes_on_disk(results, method):
    table = every_method.says_its_size(results, method)
    weights = table["weights_reference"].iloc[0]
    assert list(table["weights_owned"]) == [0, weights, weights]  # two trunks


@pytest.mark.parametrize("method", JOINT_METHODS)
def test_a_model_is_read_from_its_folder(results, method):
    every_method.is_read_from_its_folder(results, method, list(TASKS))
    assert sorted(one.name for one in (results / method / "s0").iterdir()) == FOLDERS


@pytest.mark.parametrize("method", JOINT_METHODS)
def test_killed_twice_and_run_again_gives_the_same_bytes(results, method, tmp_path, monkeypatch):
    monkeypatch.setattr(every_method, "run_toy", partial(run_toy, **LESSONS))
    every_method.survives_two_kills(results, method, tmp_path)


def test_losses_and_weights_are_written_for_every_task_and_step(results):
    for method in JOINT_METHODS:
        stage = results / method / "s0" / FOLDERS[0] / "train"
        steps = pd.read_csv(stage / "balance.csv")
        assert list(steps["step"].unique()) == list(range(1, len(steps) // 2 + 1))
        assert set(steps["task"]) == set(TASKS[:2])
        assert (steps["loss"] > 0).all() and (steps["weight"] > 0).all()
        rows = pd.read_csv(stage / "record.csv")
        weights = rows[rows["metric"] == "task_weight"]
        per_epoch = len(steps) // 2 // weights["epoch"].max()
        first = steps[steps["task"] == TASKS[0]]["weight"][:per_epoch].mean()
        assert weights["value"].iloc[0] == pytest.approx(first, rel=1e-5)


def test_the_second_lesson_goes_on_with_the_trunk_of_the_first(results):
    first, second = (
        pd.read_csv(results / "joint" / "s0" / one / "train" / "record.csv") for one in FOLDERS
    )
    lost = [one[one["metric"] == "loss"]["value"].iloc[0] for one in (first, second)]
    assert lost[1] < lost[0]
