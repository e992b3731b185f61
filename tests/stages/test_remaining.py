"""The estimate of `lifelong show` of how long an unfinished experiment will take yet."""

import json
from pathlib import Path

import pytest
from toy_experiment import toy_config, toy_plan

from lifelong.cli import main
from lifelong.plan.plan import Plan
from lifelong.plan.stage import Key
from lifelong.use.remaining import remaining
from lifelong.use.show import show


@pytest.fixture
def plan(tmp_path, monkeypatch) -> Plan:
    """Three tasks by two methods; nothing has run."""
    monkeypatch.chdir(tmp_path)
    return toy_plan(["packnet", "cpg"])


def end(folder: str, seconds: float | None = None) -> None:
    path = Path(folder)
    path.mkdir(parents=True)
    (path / "manifest.json").write_text("{}")
    if seconds is not None:
        (path / "timing.json").write_text(json.dumps({"seconds": seconds}))


def end_all(plan: Plan, seconds: dict[str, float], method: str, position: int) -> None:
    for kind, took in seconds.items():
        end(plan.folder(Key(kind, method, 0, position)), took)


SECONDS = {"train": 100.0, "prune": 200.0, "select": 0.0, "retrain": 40.0, "infer": 20.0}
# five stages of three tasks by two methods, three goals of cpg, packing, tables and report
ALL = 2 * 3 * 5 + 3 + 3


def test_nothing_is_known_before_a_stage_has_ended(plan):
    count, estimate = remaining(plan)
    assert count == f"0 of {ALL} stages done"
    assert estimate.startswith("no estimate of the time left yet: ") and "train, prune" in estimate


def test_a_stage_is_expected_to_take_what_those_of_its_kind_took(plan):
    end(plan.paths.pack_folder("digits"), 5.0)
    end_all(plan, SECONDS, "packnet", 1)
    end_all(plan, SECONDS | {"train": 300.0}, "packnet", 2)
    # packnet's third task: 200 + 200 + 40 + 20; for cpg, which has none yet, three times the same
    assert remaining(plan, at_once=2) == [
        f"11 of {ALL} stages done",
        "about 15 min 20 s left, 2 stages at a time: an estimate from stages that have ended",
    ]
    end_all(plan, SECONDS | {"train": 10.0}, "cpg", 1)
    # cpg's own mean counts now: 10 + 200 + 40 + 20
    assert remaining(plan)[1].startswith("about 16 min 40 s left, one stage at a time")


def test_a_kind_that_has_not_ended_yet_is_named(plan):
    end_all(plan, {"train": 100.0}, "packnet", 1)
    assert remaining(plan)[1] == (
        "at least 8 min 20 s left, one stage at a time: an estimate from stages that have ended; "
        "without pack_data, prune, retrain, infer, of which none has ended"
    )


def test_at_the_end_nothing_is_left(plan):
    for position in (1, 2, 3):
        end_all(plan, SECONDS, "packnet", position)
        end_all(plan, SECONDS | {"goals": 0.0}, "cpg", position)
    end(plan.paths.pack_folder("digits"), 5.0)
    end(plan.paths.of_kind("tables"), 2.0)
    assert remaining(plan)[0] == f"{ALL - 1} of {ALL} stages done"
    end(plan.paths.of_kind("report"), 2.0)
    assert remaining(plan) == [f"{ALL} of {ALL} stages done"]


def test_stages_whose_time_is_unknown_count_as_done(plan):
    end(plan.folder(Key("train", "packnet", 0, 1)))
    assert remaining(plan)[0].startswith("1 of")


def test_baselines_that_set_goals_are_counted(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    plan = toy_plan(["cpg"], goals={"policy": "scratch"})
    assert remaining(plan)[0] == f"0 of {3 * 5 + 3 + 3 + 3} stages done"


def test_show_takes_the_plan_from_config_yaml_or_the_files_given(plan, capsys, monkeypatch):
    end_all(plan, SECONDS, "packnet", 1)
    config = toy_config(["packnet", "cpg"])
    Path("config.yaml").write_text(json.dumps(config))
    assert main(["show", "results/toy"]) == 0
    by_default = capsys.readouterr().out
    assert by_default == show(Path("results/toy"), plan) + "\n"
    assert f"5 of {ALL} stages done" in by_default
    Path("config.yaml").rename("mine.yaml")
    assert main(["show", "results/toy"]) == 0
    assert "add the --configfile" in capsys.readouterr().out
    assert main(["show", "results/toy", "--configfile", "mine.yaml"]) == 0
    assert capsys.readouterr().out == by_default
    Path("config.yaml").write_text("experiment: [")  # not of these results, perhaps
    assert main(["show", "results/toy"]) == 0
