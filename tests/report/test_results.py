"""The first table: means and spreads over seeds, published rows, and who is best per byte."""

import pandas as pd
import pytest

from lifelong.records.intervals import wilson
from lifelong.report.results import final, mean_intervals, results

TASKS = ["x", "y"]
ACCURACIES = pd.DataFrame(
    [
        (method, seed, after, task, "test", value + seed / 10)
        for method, value in (("alone", 0.6), ("small", 0.5), ("worse", 0.4))
        for seed in (0, 1)
        for after, task in (("x", "x"), ("y", "x"), ("y", "y"))
    ],
    columns=["method", "seed", "after_task", "task", "split", "accuracy"],
)
SUMMARY = pd.DataFrame(
    [
        (method, seed, 2, mean + seed / 10, 0.0, 1.0, 1.0, size, 1.0, met)
        for method, mean, size, met in (
            ("alone", 0.6, 4.0, None),
            ("small", 0.5, 1.0, 1),
            ("worse", 0.4, 2.0, 2),
        )
        for seed in (0, 1)
    ],
    columns=[
        *("method", "seed", "tasks", "accuracy_mean", "forgetting_mean", "width", "used_ratio"),
        *("size_mb", "size_ratio", "goals_met"),
    ],
)
PUBLISHED = pd.DataFrame(
    [
        ("SMALL", "small", "x", 51.2),
        ("SMALL", "small", "average", 50.1),
        ("SMALL", "worse", "average", 50.1),
        ("OTHER", "", "average", 9.9),
    ],
    columns=["method", "ours", "task", "published_percent"],
)


def shown():
    return results(final(ACCURACIES), SUMMARY, PUBLISHED, TASKS)


def test_means_with_their_spread_and_goals_of_how_many():
    lines = {line.head: line.cells for line in shown().lines}
    titles = [column.title for column in shown().columns]
    assert titles == [
        *("method", "average", "forgotten", "size MB", "of separate", "weights", "goals met"),
        *TASKS,
    ]
    assert lines["small"][0] == "55.0 ± 7.1" and lines["small"][2] == "1.00"
    assert lines["small"][5] == "1 of 2" and lines["alone"][5] == "-"
    assert lines["alone"][6] == "65.0 ± 7.1"


def test_published_rows_stand_below_each_method_that_answers_to_them():
    heads = [(line.head, line.published) for line in shown().lines]
    assert heads == [
        ("alone", False),
        *(("small", False), ("published: SMALL", True)),
        *(("worse", False), ("published: SMALL", True)),
    ]
    cells = shown().lines[2].cells
    assert cells == ["50.1", "", "", "", "", "", "51.2", ""]
    assert len(cells) == len(shown().columns) - 1


def test_marks_are_of_those_that_none_beats_in_both():
    marks = {line.head: tuple(line.marks) for line in shown().lines}
    assert marks["alone"] == ("front",) and marks["small"] == ("front", "dense")
    assert marks["worse"] == ()


def test_intervals_are_of_the_mean_over_seeds():
    ends = mean_intervals(final(ACCURACIES), {"x": 50, "y": 50})
    low, high = wilson(0.65, 50)
    half = pytest.approx(((0.65 - low) / 2**0.5, (high - 0.65) / 2**0.5))
    assert (0.65 - ends["alone"][0], ends["alone"][1] - 0.65) == half
    assert mean_intervals(final(ACCURACIES), {}) == {}
