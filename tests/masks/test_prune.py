"""How many weights to release, and which."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from lifelong.masks.prune import cubic, cut


def test_the_cubic_schedule_by_hand():
    # p = 1/2: 0.4 + (0.2 - 0.4) * (1/2)^3 = 0.4 - 0.025
    assert cubic(5, 10, 0.2, 0.4) == pytest.approx(0.375)
    assert cubic(0, 10, 0.2, 0.4) == pytest.approx(0.2)
    assert cubic(10, 10, 0.2, 0.4) == pytest.approx(0.4)


def test_after_the_window_the_target_holds():
    assert cubic(99, 10, 0.0, 0.7) == pytest.approx(0.7)


@given(st.integers(0, 400), st.floats(0, 0.9), st.floats(0, 0.09))
def test_the_schedule_rises_and_stays_between_start_and_target(step, start, more):
    here, later = (cubic(s, 316, start, start + more) for s in (step, step + 1))
    assert start - 1e-12 <= here <= later + 1e-12 <= start + more + 2e-12


def test_the_cut_is_the_r_th_smallest():
    # round(0.4 * 5) = 2: the second smallest of 1 2 3 4 5
    assert cut(torch.tensor([5.0, 1.0, 4.0, 2.0, 3.0]), 0.4) == 2.0


def test_a_rank_of_zero_releases_nothing():
    assert cut(torch.tensor([1.0, 2.0, 3.0]), 0.1) is None


@given(st.lists(st.floats(0, 100, width=32), min_size=1, max_size=60), st.floats(0, 0.99))
def test_at_least_r_entries_lie_up_to_the_cut(values, ratio):
    magnitudes = torch.tensor(values)
    found, rank = cut(magnitudes, ratio), round(ratio * len(values))
    if rank == 0:
        assert found is None
    else:
        assert found == sorted(magnitudes.tolist())[rank - 1]
        assert int((magnitudes <= found).sum()) >= rank


def test_weights_of_older_tasks_do_not_count():
    # capacity 0 1 4 5, of them round(0.5 * 4) = 2 to release
    magnitudes = torch.tensor([0.0, 5.0, 0.0, 1.0, 0.0, 4.0])
    assert cut(magnitudes, 0.5, older=2) == 1.0
    assert cut(magnitudes, 0.25, older=2) == 0.0
    assert cut(torch.zeros(3), 0.9, older=0) == 0.0


@given(st.lists(st.floats(0, 9, width=32), min_size=1), st.floats(0, 0.99), st.integers(0, 9))
def test_the_cut_is_the_same_with_and_without_older_weights(values, ratio, older):
    magnitudes = torch.tensor(values)
    beside = torch.cat([magnitudes, torch.zeros(older)])
    assert cut(beside, ratio, older) == cut(magnitudes, ratio)
