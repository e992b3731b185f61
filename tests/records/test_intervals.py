"""Intervals of accuracies: worked examples from the literature, and their limits."""

import pytest

from lifelong.records.intervals import of_mean, wilson


@pytest.mark.parametrize(
    ("hits", "images", "ends"),
    # Newcombe, Statistics in Medicine 17 (1998) 857, table I, method 3
    [
        (81, 263, (0.2553, 0.3662)),
        (15, 148, (0.0624, 0.1605)),
        (0, 20, (0.0000, 0.1611)),
        (1, 29, (0.0061, 0.1718)),
    ],
)
def test_wilson_as_published(hits, images, ends):
    assert wilson(hits / images, images) == pytest.approx(ends, abs=5e-5)


def test_all_right_is_not_certain():
    low, high = wilson(1.0, 20)
    assert high == 1.0 and low == pytest.approx(1 - 0.1611, abs=5e-5)


def test_of_one_task_it_is_wilsons_and_of_several_it_is_narrower():
    assert of_mean([0.4], [50]) == pytest.approx(wilson(0.4, 50))
    low, high = of_mean([0.4] * 4, [50] * 4)
    one_low, one_high = wilson(0.4, 50)
    assert (0.4 - low, high - 0.4) == pytest.approx(((0.4 - one_low) / 2, (one_high - 0.4) / 2))


@pytest.mark.parametrize(("accuracy", "images"), [(0.5, 0), (1.5, 10), (float("nan"), 10)])
def test_what_has_no_interval_is_refused(accuracy, images):
    with pytest.raises(ValueError, match="no interval"):
        wilson(accuracy, images)
