"""Decisions between jobs, on numbers worked by hand."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lifelong.plan.decisions import (
    Grown,
    Rung,
    fair_ratio,
    grown,
    grows_again,
    next_width,
    reaches,
    select,
)

RUNGS = [Rung(0.0, 0.90), Rung(0.3, 0.92), Rung(0.5, 0.90), Rung(0.6, 0.89), Rung(0.7, 0.80)]


def test_tasks_beyond_the_expected_ones_need_leave_nothing():
    assert [fair_ratio(position, 2) for position in (1, 2, 3, 9)] == [0.5, 0.0, 0.0, 0.0]


def test_the_fair_ratio_of_twenty_tasks():
    found = [fair_ratio(position, 20) for position in range(1, 21)]
    assert found == [0.9] * 14 + [0.8] * 3 + [0.7, 0.5, 0.0]


def test_an_equal_goal_is_reached_in_spite_of_rounding():
    assert reaches(0.9, 0.9)
    assert reaches(0.1 + 0.2 - 1e-12, 0.3)
    assert reaches(27 / 30, 0.9) and not reaches(26 / 30, 0.9)
    assert not reaches(0.89999, 0.9)


@pytest.mark.parametrize(
    ("accuracy", "train_accuracy", "width", "again"),
    [
        (0.90, 0.99, 1.0, False),  # equal is enough
        (0.89, 0.99, 1.0, True),
        (0.95, 0.94, 1.0, True),  # met, but not learned
        (0.10, 0.10, 1.5, False),  # at the cap it is accepted
    ],
)
def test_a_task_grows_while_it_misses_below_the_cap(accuracy, train_accuracy, width, again):
    outcome = {"accuracy": accuracy, "train_accuracy": train_accuracy, "width": width}
    assert grows_again(outcome, goal=0.9, cap=1.5, min_train_accuracy=0.95) is again


def test_widths_rise_by_steps_to_the_cap_and_never_shrink():
    assert [next_width(1.0, 0.5, 1.5, n) for n in (1, 2)] == [1.5, 1.5]
    assert [next_width(1.0, 0.2, 1.5, n) for n in (1, 2, 3)] == [1.2, 1.4, 1.5]
    assert next_width(1.1, 0.1, 9.0, 2) == 1.3  # not 1.3000000000000003
    assert next_width(2.0, 0.5, 1.5, 1) == 2.0  # the cap was lowered since


def outcomes(*accuracies: float, step: float = 0.2, cap: float = 1.5):
    asked = []

    def outcome_of(attempt: int) -> dict[str, float]:
        asked.append(attempt)
        width = next_width(1.0, step, cap, attempt)
        return {"accuracy": accuracies[attempt], "train_accuracy": 1.0, "width": width}

    return asked, outcome_of


def test_the_last_attempt_is_the_first_that_meets_the_goal_and_none_after_it_is_asked():
    asked, outcome_of = outcomes(0.5, 0.6, 0.9)
    assert grown(outcome_of, 0.9, 1.5, 0.95) == Grown(attempt=2)
    assert asked == [0, 1, 2]


def test_a_task_that_meets_its_goal_is_not_widened():
    asked, outcome_of = outcomes(0.9)
    assert grown(outcome_of, 0.9, 1.5, 0.95) == Grown()
    assert asked == [0]


def test_only_a_goal_missed_at_the_cap_counts_as_missed():
    """Training accuracy below its floor widens too, but is no missed goal."""
    assert grown(outcomes(0.5, 0.6, 0.7, 0.8)[1], 0.9, 1.5, 0.95) == Grown(3, missed=True)
    learned = {"accuracy": 0.95, "train_accuracy": 0.1, "width": 1.5}
    assert grown(lambda _: learned, 0.9, 1.5, 0.95) == Grown()


@given(
    st.floats(0.01, 3.0),
    st.floats(1.0, 20.0),
)
def test_attempts_end_at_the_cap(step, cap):
    def outcome_of(attempt: int) -> dict[str, float]:
        width = next_width(1.0, step, cap, attempt)
        return {"accuracy": 0.0, "train_accuracy": 0.0, "width": width}

    end = grown(outcome_of, 0.9, cap, 0.95)
    last = end.attempt
    assert end.missed
    assert last == 0 or outcome_of(last)["width"] == pytest.approx(cap, abs=1e-5)
    assert last == 0 or outcome_of(last - 1)["width"] < cap


def test_by_hand_wins_over_everything():
    chosen = select(RUNGS, 0.99, True, 0.9, by_hand=0.3)
    assert (chosen.ratio, chosen.accuracy, chosen.met) == (0.3, 0.92, False)
    assert "by hand" in chosen.reason


def test_by_hand_beyond_the_end_of_the_ladder_takes_the_last_rung():
    chosen = select(RUNGS, 0.75, True, 0.9, by_hand=0.95)
    assert (chosen.ratio, chosen.met) == (0.7, True)
    assert "0.95" in chosen.reason and "ended at 0.7" in chosen.reason


def test_without_a_goal_the_largest_rung_is_taken():
    chosen = select(list(reversed(RUNGS)), None, True, 0.9)
    assert (chosen.ratio, chosen.accuracy, chosen.met) == (0.7, 0.80, None)


def test_the_largest_rung_that_reaches_the_goal():
    assert select(RUNGS, 0.9, False, 0.9).ratio == 0.5  # equal is enough
    assert select(RUNGS, 0.85, False, 0.9).ratio == 0.6
    dip = [Rung(0.0, 0.9), Rung(0.1, 0.8), Rung(0.2, 0.9)]
    assert select(dip, 0.9, False, 0.9).ratio == 0.2  # a dip on the way does not matter


def test_a_task_that_misses_below_the_cap_is_not_pruned():
    chosen = select(RUNGS, 0.95, False, 0.9)
    assert (chosen.ratio, chosen.met) == (0.0, False)
    assert "0.9500 was missed (0.9000 unpruned)" in chosen.reason


def test_at_the_cap_a_missing_task_is_pruned_to_the_first_rung_that_is_fair():
    assert select(RUNGS, 0.95, True, 0.5).ratio == 0.5
    assert select(RUNGS, 0.95, True, 0.4).ratio == 0.5  # 0.4 is no rung: the next one
    assert select(RUNGS, 0.95, True, 0.9).ratio == 0.7  # the ladder ended before
    assert select(RUNGS, 0.95, True, 0.0).ratio == 0.0  # the last task leaves no room


@given(
    st.lists(st.floats(0, 1), min_size=1, max_size=9),
    st.one_of(st.none(), st.floats(0, 1)),
    st.booleans(),
    st.floats(0, 1),
)
def test_the_choice_is_a_rung_and_says_truly_whether_the_goal_is_met(values, goal, at_cap, fair):
    rungs = [Rung(i / 10, value) for i, value in enumerate(values)]
    chosen = select(rungs, goal, at_cap, fair)
    assert Rung(chosen.ratio, chosen.accuracy) in rungs
    if goal is not None:
        assert chosen.met is reaches(chosen.accuracy, goal)
        if reaches(values[0], goal):
            assert chosen.met
