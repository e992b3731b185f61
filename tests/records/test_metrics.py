"""The metrics on matrices worked by hand, and what must hold for every matrix."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from lifelong.records.metrics import (
    average_accuracy,
    backward_transfer,
    forgetting,
    forward_transfer,
)

NAN = float("nan")
# Task 0: 0.9, then 0.95, then 0.6. Task 1: 0.8, then 0.7. Task 2: 0.5.
WORKED = np.array([[0.9, 0.3, 0.2], [0.95, 0.8, 0.4], [0.6, 0.7, 0.5]])

matrices = st.integers(1, 6).flatmap(lambda n: arrays(np.float64, (n, n), elements=st.floats(0, 1)))


def test_worked_example() -> None:
    assert average_accuracy(WORKED) == pytest.approx((0.6 + 0.7 + 0.5) / 3)
    # (0.6 - 0.9 + 0.7 - 0.8) / 2
    assert backward_transfer(WORKED) == pytest.approx(-0.2)
    # ((0.95 - 0.6) + (0.8 - 0.7)) / 2
    assert forgetting(WORKED) == pytest.approx(0.225)
    # ((0.3 - 0.1) + (0.4 - 0.25)) / 2; the baseline of the first task plays no part
    assert forward_transfer(WORKED, np.array([0.7, 0.1, 0.25])) == pytest.approx(0.175)


def test_forgetting_starts_when_a_task_was_learned() -> None:
    matrix = np.array([[0.5, 0.9, 0.0], [0.5, 0.6, 0.0], [0.5, 0.6, 0.7]])
    assert forgetting(matrix) == 0.0


def test_old_tasks_that_get_better_are_negative_forgetting() -> None:
    assert forgetting(np.array([[0.5, 0.0], [0.75, 0.5]])) == -0.25


@pytest.mark.parametrize("value", [0.0, 0.3, 1.0])
def test_one_task(value: float) -> None:
    matrix = np.array([[value]])
    assert average_accuracy(matrix) == value
    assert backward_transfer(matrix) == forgetting(matrix) == 0.0
    assert forward_transfer(matrix, np.array([0.1])) == 0.0


def test_unknown_future_is_no_obstacle_but_unknown_past_is() -> None:
    lower = np.where(np.tri(3, dtype=bool), WORKED, NAN)
    assert forgetting(lower) == forgetting(WORKED)
    assert backward_transfer(lower) == backward_transfer(WORKED)
    assert np.isnan(forward_transfer(lower, np.zeros(3)))
    lower[1, 0] = NAN
    assert np.isnan(forgetting(lower))


@given(matrices)
def test_bounds_and_untouched_argument(matrix: np.ndarray) -> None:
    before = matrix.copy()
    baseline = np.zeros(len(matrix))
    assert 0 <= average_accuracy(matrix) <= 1
    assert -1 <= backward_transfer(matrix) <= 1
    assert -1 <= forward_transfer(matrix, baseline) <= 1
    # The best accuracy since a task was learned is at least that of when it was learned.
    assert forgetting(matrix) >= -backward_transfer(matrix) - 1e-12
    np.testing.assert_array_equal(matrix, before)


@given(arrays(np.float64, 5, elements=st.floats(0, 1)))
def test_a_method_that_never_changes_old_tasks_forgets_exactly_nothing(tasks: np.ndarray) -> None:
    matrix = np.where(np.tri(5, dtype=bool), tasks, NAN)
    assert forgetting(matrix) == 0.0
    assert backward_transfer(matrix) == 0.0


@pytest.mark.parametrize("shape", [(0, 0), (2, 3), (3,)])
def test_a_matrix_must_be_square(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="square"):
        forgetting(np.zeros(shape))


def test_a_baseline_must_fit() -> None:
    with pytest.raises(ValueError, match="baseline has shape"):
        forward_transfer(WORKED, np.zeros(2))
