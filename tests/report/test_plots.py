"""Figures show the recorded numbers, with units, and are the same text each time."""

from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from report_rows import CHOSEN, TASKS, record, task_rows

from lifelong.records import tables
from lifelong.records.rows import REJECTED, Row
from lifelong.report import plots
from lifelong.report.canvas import panel, percent_axis, svg


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    return record(len(TASKS))


def summary(frame: pd.DataFrame) -> pd.DataFrame:
    return tables.summary_table(frame, TASKS, ["packnet", "cpg"])


def all_figures(frame: pd.DataFrame) -> dict[str, Figure]:
    return {
        "accuracy_matrix": plots.accuracy_matrix(frame, "cpg", 0),
        "accuracy_against_ratio": plots.accuracy_against_ratio(frame, "cpg", 0, TASKS[0]),
        "weight_owners": plots.weight_owners(frame, "cpg", 0),
        "accuracy_against_size": plots.accuracy_against_size(summary(frame)),
        "stage_times": plots.stage_times({"cpg": {"train": 60.0, "prune": 30.0}}),
    }


def test_the_same_records_give_the_same_svg_without_a_date(frame: pd.DataFrame) -> None:
    first = {name: svg(figure) for name, figure in all_figures(frame).items()}
    assert first == {name: svg(figure) for name, figure in all_figures(frame).items()}
    for text in first.values():
        assert ElementTree.fromstring(text).tag.endswith("svg")
        assert "<dc:date>" not in text


def test_panels_are_titled_by_what_they_show(frame: pd.DataFrame) -> None:
    titles = {name: one.axes[0].get_title(loc="left") for name, one in all_figures(frame).items()}
    assert titles["accuracy_matrix"] == titles["weight_owners"] == "cpg"
    assert titles["accuracy_against_ratio"] == TASKS[0]


def test_matrix_shows_percent_only_where_measured(frame: pd.DataFrame) -> None:
    axes = plots.accuracy_matrix(frame, "cpg", 0).axes[0]
    shown = {text.get_position(): text.get_text() for text in axes.texts}
    places = range(len(TASKS))
    assert shown == {(j, i): f"{50 + 5 * j:.1f}" for i in places for j in places if j <= i}
    depths = {patch.get_xy(): patch.get_alpha() for patch in axes.patches}
    assert len(depths) == len(shown)
    assert depths[5 - 0.48, 6 - 0.48] > depths[4 - 0.48, 6 - 0.48]  # the higher the deeper
    labels = [label.get_text() for label in axes.get_yticklabels()]
    assert labels == [f"{task}  {place}" for place, task in enumerate(TASKS, 1)]


def test_a_ratio_panel_shows_curves_goal_choice_and_rejected_rungs(frame: pd.DataFrame) -> None:
    where = {"experiment": "toy", "protocol": "clean", "method": "cpg", "seed": 0}
    where |= {"task": TASKS[3], "stage": "prune", "metric": REJECTED}
    missed = [Row(**where, ratio=0.95, split="train", value=0.4)]
    both = pd.concat([frame, tables.frame(missed)])
    axes = plots.accuracy_against_ratio(both, "cpg", 0, TASKS[3]).axes[0]
    curves = {line.get_label(): line for line in axes.lines}
    words = {"train accuracy", "validation accuracy", "goal", "ratio chosen", "rung rejected"}
    assert set(curves) == words
    np.testing.assert_allclose(curves["validation accuracy"].get_xydata()[:, 1], [80, 65, 53])
    assert curves["goal"].get_ydata()[0] == 60
    assert curves["ratio chosen"].get_xdata()[0] == CHOSEN
    assert curves["rung rejected"].get_xydata().tolist() == [[0.95, 40.0]]
    assert plots.pruned_tasks(frame, "cpg", 0) == TASKS


def test_a_method_without_goals_has_no_goal_line(frame: pd.DataFrame) -> None:
    frame = frame[frame["metric"] != "goal"]
    axes = plots.accuracy_against_ratio(frame, "packnet", 0, TASKS[0]).axes[0]
    labels = {line.get_label() for line in axes.lines}
    assert "goal" not in labels and "ratio chosen" in labels


def test_an_axis_of_accuracies_reads_as_percent_however_alike_they_are() -> None:
    for values, labels in (([100.0, 100.0], ["96", "97", "98", "99", "100"]), ([0.0], None)):
        figure, axes = panel("t")
        percent_axis(axes, values)
        FigureCanvasAgg(figure).draw()
        low, high = axes.get_ylim()
        shown = [text.get_text() for text in axes.get_yticklabels()]
        inside = [one for one in shown if low <= float(one) <= high]
        assert all(0 <= float(one) <= 100 for one in inside) and len(inside) >= 2
        assert labels is None or inside == labels


def test_tasks_that_own_nothing_have_no_entry(frame: pd.DataFrame) -> None:
    nothing = (frame["metric"] == "weights_owned") & (frame["task"] == TASKS[2])
    frame = frame.assign(value=frame["value"].where(~nothing, 0.0))
    figure = plots.weight_owners(frame, "cpg", 0)
    labels = [text.get_text() for text in figure.legends[0].get_texts()]
    others = [f"{place} {task}" for place, task in enumerate(TASKS, 1) if place != 3]
    assert labels == ["free", *others[::-1]]


def test_where_no_task_owns_weights_it_is_said(frame: pd.DataFrame) -> None:
    weights = frame["metric"].isin(("weights_owned", "weights_free"))
    figure = plots.weight_owners(frame.assign(value=frame["value"].where(~weights, 0.0)), "cpg", 0)
    assert [text.get_text() for text in figure.texts] == ["cpg", "no task owns weights"]


def test_the_interval_stands_where_it_is_given(frame: pd.DataFrame) -> None:
    ends = {"cpg": (0.6, 0.7)}
    axes = plots.accuracy_against_size(summary(frame), ends).axes[0]
    bars = [one for one in axes.collections if isinstance(one, LineCollection)]
    np.testing.assert_allclose([bar.get_segments()[0][:, 1] for bar in bars], [[60, 70]])


def test_times_stack_up_to_their_sum() -> None:
    times = {"cpg": {"train": 60.0, "prune": 30.0}, "stl": {"train": 3.0}}
    axes = plots.stage_times(times).axes[0]
    tops = [bar.get_x() + bar.get_width() for bar in axes.containers[-1]]
    np.testing.assert_allclose(tops, [1.5, 0.05])
    assert [text.get_text() for text in axes.texts] == ["1 min 30 s", "3.0 s"]


def test_owned_and_free_stack_up_to_the_whole_network(frame: pd.DataFrame) -> None:
    axes = plots.weight_owners(frame, "cpg", 0).axes[0]
    heights = np.array([[bar.get_height() for bar in bars] for bars in axes.containers])
    np.testing.assert_allclose(heights.sum(axis=0), 1.0)
    np.testing.assert_allclose(heights[:-1], 0.1 * np.triu(np.ones((7, 7))))
    tops = [bars[-1].get_y() + bars[-1].get_height() for bars in axes.containers]
    np.testing.assert_allclose(tops, [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 1.0][: len(tops)])


def test_size_points_are_labelled_and_labels_do_not_touch(frame: pd.DataFrame) -> None:
    # Both methods have the same size and accuracy, the worst case for labels.
    figure = plots.accuracy_against_size(summary(frame))
    axes = figure.axes[0]
    assert {text.get_text() for text in axes.texts} == {"packnet", "cpg"}
    assert [text.xy for text in axes.texts] == [pytest.approx((7, 65))] * 2
    lower, upper = sorted(text.get_window_extent().y0 for text in axes.texts)
    assert upper - lower >= 12
    assert "MB" in axes.get_xlabel() and "%" in axes.get_ylabel()


@pytest.mark.parametrize("count", [1, 3])
def test_few_tasks_draw(count: int) -> None:
    for figure in all_figures(record(count)).values():
        assert figure.axes
        svg(figure)


@pytest.mark.parametrize("rows", [[], task_rows("packnet", 0, 0)])
def test_nothing_recorded_is_said(rows: list[Row]) -> None:
    frame = tables.frame(rows)
    for figure in (
        plots.accuracy_matrix(frame, "cpg", 0),
        plots.accuracy_against_ratio(frame, "cpg", 0, TASKS[1]),
        plots.weight_owners(frame, "cpg", 0),
        plots.accuracy_against_size(tables.summary_table(frame, TASKS, ["cpg"])),
        plots.stage_times({}),
    ):
        assert [text.get_text() for text in figure.texts][-1] == "nothing recorded yet"


def test_every_method_has_a_mark_of_its_own():
    marks = [plots._mark(place) for place in range(36)]
    assert len(set(marks)) == 36
    assert marks[:6] == list(plots.MARKED)
