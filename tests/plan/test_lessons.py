"""Lessons of a plan: which tasks learn together, in which folder, and what follows what."""

import pytest
from toy_experiment import toy_config

from lifelong.plan.config import check
from lifelong.plan.errors import ConfigError
from lifelong.plan.lessons import lessons_of
from lifelong.plan.paths import slug
from lifelong.plan.plan import Plan
from lifelong.plan.stage import Key

A, B, C = "zero_six", "one_three_eight_nine", "four_five"


def plan(limit: int | None = None, **joint: object) -> Plan:
    return Plan(check(toy_config(["packnet", "joint"], joint=joint)), limit=limit)


def test_all_tasks_are_one_lesson_unless_lessons_say_otherwise():
    assert lessons_of("abc", None) == [range(1, 4)]
    assert lessons_of("abc", [["a", "b"], "c"]) == [range(1, 3), range(3, 4)]
    assert [key.position for key in plan().keys("train") if key.method == "joint"] == [3]


def test_a_lesson_has_the_number_of_its_last_task():
    assert slug(2, "a", "b") == "02-a+b"
    assert slug(20, *(f"superclass{i}" for i in range(20))) == "20-superclass0+19"
    two = plan(lessons=[[A, B], C])
    assert two.folder(Key("train", "joint", 0, 1)) == two.folder(Key("train", "joint", 0, 2))
    assert two.position(f"02-{A}+{B}") == two.position(f"02-{B}") == 2


def test_a_lesson_goes_on_after_the_one_before():
    two = plan(lessons=[[A, B], C])
    first = f"results/toy/joint/s0/02-{A}+{B}"
    assert "shards" not in two.fixed_inputs(Key("train", "joint", 0, 2))
    assert two.fixed_inputs(Key("train", "joint", 0, 3))["shards"] == [f"{first}/retrain/shard.h5"]
    infer = two.fixed_inputs(Key("infer", "joint", 0, 3))
    assert infer["before"] == f"{first}/infer/logits.h5"
    assert [one["task"] for one in two.spec(Key("infer", "joint", 0, 3)).data] == [A, B, C]


def test_a_limit_leaves_out_lessons_that_it_divides():
    one = plan(limit=1, lessons=[[A, B], C])
    kept = [(key.method, key.position) for key in one.keys("infer")]
    assert kept == [("packnet", 1)] and one.tasks == [A]


def test_one_key_of_a_lesson_changes_only_its_own_spec():
    keys = [Key("train", "joint", 0, 3), Key("train", "packnet", 0, 3)]
    before, after = (plan(clip=clip) for clip in (5.0, 1.0))
    changed = [before.spec(key) != after.spec(key) for key in keys]
    assert changed == [True, False]


@pytest.mark.parametrize(
    ("lessons", "says"),
    [
        ([[A, "x"], C], "there is no task 'x'"),
        ([[A, B], [B, C]], f"task '{B}' is named twice"),
        ([[A, B]], f"task '{C}' is in no lesson"),
        ([[A, C], B], "lessons take tasks as they arrive"),
    ],
)
def test_lessons_take_every_task_once_and_in_order(lessons, says):
    with pytest.raises(ConfigError, match=says):
        plan(lessons=lessons)
