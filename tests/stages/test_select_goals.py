"""The two stages that decide, alone, on records written by hand."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from toy_experiment import run_toy

from lifelong import store
from lifelong.plan.errors import DamagedFile
from lifelong.plan.specs import GoalSpec, RatioChoice
from lifelong.plan.stage import Stage
from lifelong.records.rows import Row, read, to_csv
from lifelong.stages import goals, select

NAMED = {"experiment": "toy", "protocol": "clean", "method": "cpg", "seed": 0, "task": "b"}
OF_STAGE = {"revision": [1, 1], "base": "cpg", "position": 2}
ROW = Row(**NAMED, stage="any", metric="accuracy", value=0.0, split="validation")


def goal_spec(**settings: object) -> GoalSpec:
    return GoalSpec(**NAMED, **OF_STAGE, kind="goals", **settings)


def ratio_spec(**changes: object) -> RatioChoice:
    choice = {"by_hand": None, "cap": 1.5, "fair": 0.5} | changes
    return RatioChoice(**NAMED, **OF_STAGE, kind="select", **choice)


def written(path: Path, rows: list[Row]) -> str:
    path.write_text(to_csv(rows))
    return str(path)


def goal_of(folder: Path, reached: list[object] | None, **settings: object) -> dict:
    """goal.json beside separate networks that `reached` these accuracies as they were kept."""
    inputs = {}
    if reached is not None:
        store.write_manifest(folder / "baseline", {}, outcome={"accuracies": reached})
        inputs["baseline"] = str(folder / "baseline/manifest.json")
    goals.run(Stage("goals", str(folder), inputs, goal_spec(**settings)))
    return json.loads((folder / "goal.json").read_text())


@pytest.mark.parametrize(
    ("policy", "expected"), [("fine_avg", 0.6), ("scratch", 0.6), ("fine_max", 0.7)]
)
def test_a_goal_is_made_of_the_networks_that_were_kept(tmp_path, policy, expected):
    found = goal_of(tmp_path, [0.5, 0.7], policy=policy, margin=0.0)
    assert found["goal"] == pytest.approx(expected)
    assert found["accuracies"] == [0.5, 0.7]
    assert (found["task"], found["policy"]) == ("b", policy)


@pytest.mark.parametrize("margin", [0.05, -0.1])
def test_the_margin_is_added(tmp_path, margin):
    found = goal_of(tmp_path, [0.5, 0.7], policy="fine_max", margin=margin)
    assert found["goal"] == pytest.approx(0.7 + margin)


@pytest.mark.parametrize(("margin", "goal"), [(0.5, 1.0), (-0.9, 0.0)])
def test_no_goal_is_out_of_reach(tmp_path, margin, goal):
    assert goal_of(tmp_path, [0.5, 0.7], policy="fine_max", margin=margin)["goal"] == goal


def test_a_given_goal_needs_no_record(tmp_path):
    assert goal_of(tmp_path, None, policy="given", goal=0.25) == {
        "task": "b",
        "policy": "given",
        "goal": 0.25,
    }


@pytest.mark.parametrize("reached", [[], ["half"], [0.5, None]])
def test_a_manifest_without_accuracies_is_named_and_gives_no_goal(tmp_path, reached):
    with pytest.raises(DamagedFile, match=r"baseline/manifest\.json"):
        goal_of(tmp_path, reached, policy="fine_avg", margin=0.0)
    assert not (tmp_path / "goal.json").exists()


LADDER = {0.0: 0.80, 0.3: 0.82, 0.6: 0.75, 0.9: 0.40}


def rung_rows(width: float) -> list[Row]:
    rows = []
    for ratio, accuracy in LADDER.items():
        at = {"ratio": ratio, "width": width}
        rows.append(replace(ROW, value=0.99, split="train", **at))
        rows.append(replace(ROW, value=accuracy, **at))
        rows.append(replace(ROW, value=50.0, metric="weights_owned", split=None, **at))
    return rows


def selected(
    folder: Path, goal: float | None, width: float = 1.0, **changes: object
) -> tuple[dict, dict[str, float]]:
    """What selected.json says, and the values of the record by metric."""
    inputs = {"record": written(folder / "rungs.csv", rung_rows(width))}
    if goal is not None:
        inputs["goal"] = str(folder / "goal.json")
        Path(inputs["goal"]).write_text(json.dumps({"task": "b", "goal": goal}))
    spec = ratio_spec(**changes)
    select.run(Stage("select", str(folder), inputs, spec))
    record = {row.metric: row for row in read(folder / "record.csv")}
    assert all(row.stage == "select" and row.width == width for row in record.values())
    assert record["accuracy"].split == "validation"
    values = {metric: row.value for metric, row in record.items()}
    return json.loads((folder / "selected.json").read_text()), values


def test_a_goal_that_is_met_takes_the_largest_ratio_that_meets_it(tmp_path):
    found, record = selected(tmp_path, goal=0.75)
    reason = found.pop("reason")
    assert "0.7500" in reason
    assert found == {
        "task": "b",
        "goal": 0.75,
        "width": 1.0,
        "ratio": 0.6,
        "accuracy": 0.75,
        "met": True,
        "warnings": [],
    }
    assert record == {"ratio": 0.6, "accuracy": 0.75, "goal": 0.75, "goal_met": 1.0}


def test_a_goal_missed_at_the_cap_takes_the_fair_ratio(tmp_path):
    found, record = selected(tmp_path, goal=0.85, width=1.5)
    # 0.5 is no rung: the first one that is at least fair
    assert (found["ratio"], found["accuracy"], found["met"]) == (0.6, 0.75, False)
    assert "0.8500 was missed (0.8000 unpruned)" in found["reason"]
    assert record == {"ratio": 0.6, "accuracy": 0.75, "goal": 0.85, "goal_met": 0.0}


def test_a_fair_ratio_of_zero_leaves_the_last_task_as_it_is(tmp_path):
    assert selected(tmp_path, goal=0.85, width=1.5, fair=0.0)[0]["ratio"] == 0.0


@pytest.mark.parametrize(("ratio", "met"), [(0.9, False), (0.3, True), (0.0, True)])
def test_a_ratio_set_by_hand_wins(tmp_path, ratio, met):
    found, record = selected(tmp_path, goal=0.75, by_hand=ratio)
    assert (found["ratio"], found["accuracy"], found["met"]) == (ratio, LADDER[ratio], met)
    assert "by hand" in found["reason"] and record["goal_met"] == float(met)


def test_a_ratio_set_by_hand_beyond_the_ladder_takes_its_last_rung(tmp_path):
    found, _ = selected(tmp_path, goal=0.75, by_hand=0.95)
    assert found["ratio"] == 0.9 and "ended at 0.9" in found["reason"]


def test_without_a_goal_the_method_takes_its_own_ratio(tmp_path):
    found, record = selected(tmp_path, goal=None, cap=1.0)
    assert (found["ratio"], found["goal"], found["met"]) == (0.9, None, None)
    assert record == {"ratio": 0.9, "accuracy": 0.40}


@pytest.mark.parametrize(("owned", "told"), [(30, False), (9, True)])
def test_weights_that_never_left_zero_are_told(tmp_path, owned, told):
    """A ratio of 0.6 leaves 20 of 50 weights."""
    of_rung = ("weights_owned", 0.6)
    rows = [
        replace(row, value=float(owned)) if (row.metric, row.ratio) == of_rung else row
        for row in rung_rows(1.0)
    ]
    inputs = {"record": written(tmp_path / "rungs.csv", rows)}
    select.run(Stage("select", str(tmp_path), inputs, ratio_spec(by_hand=0.6)))
    warnings = json.loads((tmp_path / "selected.json").read_text())["warnings"]
    assert [one[:41] for one in warnings] == ["owns 9 weights of 20 that ratio 0.6 leave"] * told


@pytest.mark.parametrize(
    "text", ["", to_csv([]), to_csv(rung_rows(1.0)).replace("0.82", "?")], ids=["", "0", "?"]
)
def test_a_damaged_ladder_is_named_and_nothing_is_selected(tmp_path, text):
    (tmp_path / "rungs.csv").write_text(text)
    spec = ratio_spec()
    stage = Stage("select", str(tmp_path), {"record": str(tmp_path / "rungs.csv")}, spec)
    with pytest.raises(DamagedFile, match=r"rungs\.csv"):
        select.run(stage)
    assert not (tmp_path / "selected.json").exists()


def test_a_damaged_goal_is_named_and_nothing_is_selected(tmp_path):
    (tmp_path / "goal.json").write_text('{"task": "b", "go')
    inputs = {
        "record": written(tmp_path / "rungs.csv", rung_rows(1.0)),
        "goal": str(tmp_path / "goal.json"),
    }
    spec = ratio_spec()
    with pytest.raises(DamagedFile, match=r"goal\.json"):
        select.run(Stage("select", str(tmp_path), inputs, spec))
    assert not (tmp_path / "selected.json").exists()


def test_a_goal_is_what_the_kept_epoch_reached_not_the_last(tmp_path):
    """At so high a rate the last epoch is not the best one."""
    few = {"epochs": 6, "lr": 0.3, "milestones": [], "finetune_lr": 0.02, "repetitions": 1}
    results = run_toy(
        tmp_path,
        ["cpg"],
        tasks=[{"name": "a", "classes": ["0", "1", "2", "3"]}],
        goals={"policy": "scratch"},
        recipe={"crop_padding": 1, "flip": False, "keep_epoch": "best_accuracy"},
        baseline=few,
    )
    rows = read(results / "scratch/s0/01-a/baseline/record.csv")
    epochs = [row.value for row in rows if (row.metric, row.split) == ("accuracy", "validation")]
    goal = json.loads((results / "cpg/s0/01-a/goals/goal.json").read_text())["goal"]
    assert goal == max(epochs) > epochs[-1]
