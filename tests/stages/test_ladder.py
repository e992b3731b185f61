"""The ladder of a task: what its record says, where it ends, and what another goal trains again."""

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from toy_experiment import CLASSES, TASKS, run_toy, run_whole_toy

from lifelong import store
from lifelong.families import ladder, masks
from lifelong.records.tables import read_table
from lifelong.train.loop import fit
from lifelong.use.show import show

FIRST, SECOND, THIRD = TASKS
LADDER = [0.3, 0.6, 0.8]


def with_goal(second: float) -> dict[str, Any]:
    """Networks that cannot grow; a goal of 1 is missed by the second task."""
    return {
        "goals": {"policy": "given", "given": {FIRST: 0.0, SECOND: second, THIRD: 0.0}},
        "expand": {"cap": 1.0, "tasks_expected": 3},
        "method_settings": {"cpg": {"prune": {"ratios": LADDER}}},
    }


@pytest.fixture
def climbed(monkeypatch):
    """Every phase of training on a ladder, by its name in the log."""
    names = []

    def noted(*args, **kwargs):
        names.append(kwargs["name"])
        return fit(*args, **kwargs)

    monkeypatch.setattr(ladder, "fit", noted)
    return names


def test_training_accuracy_means_the_same_at_every_ratio(tmp_path):
    """The running one of the last epoch that trained the weights, whether pruned or not."""
    results = run_toy(tmp_path, ["packnet"])
    for folder in (results / "packnet" / "s0").glob("*-*"):
        learned = pd.read_csv(folder / "train" / "record.csv").query("split == 'train'")
        running = learned[learned["metric"] == "accuracy"].sort_values("epoch")["value"].iloc[-1]
        record = pd.read_csv(folder / "prune" / "record.csv").query("split == 'train'")
        unpruned = record[(record["metric"] == "accuracy") & (record["ratio"] == 0)]
        assert list(unpruned["value"]) == [running]


def test_a_goal_missed_at_the_cap_ends_the_ladder_and_another_goal_trains_no_rung_again(
    tmp_path, climbed
):
    def rungs(second: float) -> tuple[list[float], dict[Path, bytes]]:
        """The ladder of the second task with such a goal, and its files."""
        climbed.clear()
        folder = run_toy(tmp_path, ["cpg"], **with_goal(second)) / "cpg/s0" / f"02-{SECOND}/prune"
        files = {path: path.read_bytes() for path in folder.glob("ratio-*.h5")}
        return [rung["ratio"] for rung in store.read_manifest(folder)["outcome"]["rungs"]], files

    ratios, files = rungs(1.0)
    assert ratios == [0.0, 0.3, 0.6]  # half is fair for the second of three: the first above it
    assert len(files) == 2 and "prune to 0.6" in climbed
    ratios, more = rungs(0.0)
    assert ratios == [0.0, *LADDER]
    assert climbed[0] == "prune to 0.8"  # the rungs below are there; then the third learns anew
    assert files.items() < more.items()
    assert rungs(1.0) == ([0.0, 0.3, 0.6], files)
    assert climbed == [f"prune to {ratio:g}" for ratio in LADDER]  # of the third task alone


@pytest.mark.parametrize("keep", ["last", "best"])
def test_packnet_keeps_its_last_epoch_unless_the_best_is_asked_for(tmp_path, monkeypatch, keep):
    bars = []

    def noted(*args, **kwargs):
        if kwargs["name"] == "retrain":
            bars.append(args[2].beat)
        return fit(*args, **kwargs)

    monkeypatch.setattr(masks, "fit", noted)
    changes = (
        {} if keep == "last" else {"method_settings": {"packnet": {"retrain": {"keep": keep}}}}
    )
    results = run_whole_toy(tmp_path, ["packnet"], **changes)
    assert [bar is None for bar in bars] == [keep == "last"] * len(TASKS)
    finals = []
    for bar, path in zip(
        bars, sorted(results.glob("packnet/s0/*/retrain/record.csv")), strict=True
    ):
        record = pd.read_csv(path).query("metric == 'accuracy' and split == 'validation'")
        epochs = list(record[record["epoch"].notna()].sort_values("epoch")["value"])
        (final,) = record[record["epoch"].isna()]["value"]
        assert final == (epochs[-1] if bar is None else max([bar, *epochs]))
        finals.append(final)
    goals = read_table(results / "tables" / "goals.csv")
    assert list(goals["accuracy_retrained"]) == finals
    assert (goals["accuracy_selected"] != goals["accuracy_retrained"]).any()


def test_a_floor_that_rejects_every_rung_is_told_wherever_a_user_looks(tmp_path, caplog):
    floor = {"cpg": {"prune": {"ratios": LADDER, "min_train_accuracy": 1.0, "lr": 1e-6}}}
    tasks = [{"name": name, "classes": CLASSES[name]} for name in (SECOND, THIRD)]
    changes = {"goals": {"policy": "given", "given": {SECOND: 0.0, THIRD: 0.0}}}
    with caplog.at_level("WARNING"):
        results = run_whole_toy(tmp_path, ["cpg"], tasks=tasks, method_settings=floor, **changes)
    first, second = sorted((results / "cpg/s0").glob("*-*"))
    record = pd.read_csv(first / "prune" / "record.csv")
    rejected = record[record["metric"] == "accuracy_rejected"]
    assert list(rejected["split"]) == ["train", "validation"] and set(rejected["ratio"]) == {0.3}
    told = store.read_json(first / "select" / "selected.json")
    assert told["ratio"] == 0.0 and "the ladder ended at 0.3, where training" in told["reason"]
    keeps = "keeps every weight it took, because prune.min_train_accuracy rejected the first rung"
    owns = "owns no weights of its own, because earlier tasks left none free"
    assert keeps in told["warnings"][0]
    assert owns in store.read_json(second / "select" / "selected.json")["warnings"][0]
    page, text = (results / "report/index.html").read_text(), show(results)
    for said in (keeps, owns):
        assert said in caplog.text and said in page and said in text
