"""Tables of the small golden record, every number worked by hand."""

from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lifelong.plan.errors import UserError
from lifelong.records import tables
from lifelong.records.rows import read

ROWS = read(Path(__file__).parent / "golden" / "v1.csv")
TASKS = ["fish", "apes"]
METHODS = ["finetune", "cpg", "packnet", "scratch"]


@pytest.fixture
def frame() -> pd.DataFrame:
    return tables.frame(ROWS)


def lines(table: pd.DataFrame) -> list[list]:
    return table.astype(object).where(table.notna(), None).to_numpy().tolist()


def test_accuracy_table_has_methods_as_given_and_tasks_as_learned(frame: pd.DataFrame) -> None:
    table = tables.accuracy_table(frame)
    assert list(table.columns) == ["method", "seed", "after_task", "task", "split", "accuracy"]
    assert lines(table) == [
        ["cpg", 0, "fish", "fish", "test", 0.7],
        ["cpg", 0, "apes", "fish", "test", 0.7],
        ["cpg", 0, "apes", "apes", "test", 0.8],
        ["packnet", 0, "fish", "fish", "test", 0.5],
        ["finetune", 0, "fish", "fish", "test", 0.75],
        ["finetune", 0, "apes", "fish", "test", 0.75],
        ["finetune", 0, "apes", "apes", "test", 0.55],
    ]


def test_order_survives_records_read_backwards() -> None:
    by_file = [row for row in ROWS if row.task == "apes"] + [
        row for row in ROWS if row.task == "fish"
    ]
    assert tables.learned_order(tables.frame(by_file)) == TASKS


def test_summary(frame: pd.DataFrame) -> None:
    table = tables.summary_table(frame, TASKS, METHODS)
    assert ",".join(table.columns) == (
        "method,seed,tasks,accuracy_mean,accuracy_last,forgetting_mean,bwt,width,used_ratio,"
        "size_mb,size_ratio,goals_met"
    )
    # scratch has no results and no line; packnet learned one task, has no goals and no sizes
    assert lines(table) == [
        ["finetune", 0, 2, pytest.approx(0.65), 0.55, 0.0, 0.0, 1.0, None, None, None, None],
        ["cpg", 0, 2, pytest.approx(0.75), 0.8, 0.0, 0.0, 1.5, 1.09, 1.5, 0.375, 1],
        ["packnet", 0, 1, 0.5, 0.5, 0.0, 0.0, 1.0, None, None, None, None],
    ]


def test_a_sum_that_lacks_a_task_is_empty() -> None:
    rows = [row for row in ROWS if (row.task, row.metric) != ("fish", "bytes_file")]
    table = tables.summary_table(tables.frame(rows), TASKS, ["cpg"])
    assert table["size_mb"].isna().all()
    assert table["used_ratio"].item() == 1.09


@given(st.permutations([0.1, 0.2, 0.3, 0.7, 0.6]))
def test_equal_attempts_in_another_order_forget_exactly_nothing(values: list[float]) -> None:
    first = [0.1, 0.2, 0.3, 0.7, 0.6]
    infer = next(row for row in ROWS if row.method == "finetune" and row.stage == "infer")
    rows = [
        replace(infer, task=task, on_task="fish", attempt=attempt, value=value)
        for task, accuracies in (("fish", first), ("apes", values))
        for attempt, value in enumerate(accuracies)
    ] + [replace(infer, task="apes", on_task="apes", attempt=0)]
    summary = tables.summary_table(tables.frame(rows), TASKS, ["finetune"])
    assert summary["forgetting_mean"].item() == 0.0


def test_goals(frame: pd.DataFrame) -> None:
    table = tables.goals_table(frame)
    assert list(table.columns) == list(tables.GOAL_COLUMNS)
    assert lines(table.drop(columns="accuracy_retrained")) == [
        ["cpg", 0, "fish", 0.65, 0.7, True, 0.5],
        ["cpg", 0, "apes", 0.9, 0.8, False, 0.9],
        ["packnet", 0, "fish", None, 0.5, None, 0.6],
    ]


def test_sizes_take_the_end_of_a_task_not_its_rungs(frame: pd.DataFrame) -> None:
    table = tables.size_table(frame)
    assert table["weights_owned"].tolist() == [500, 590]
    assert table["weights_picked"].isna().tolist() == [False, True]
    assert table["bytes_file"].tolist() == [2**20, 2**19]


def test_sizes_of_all_tasks_so_far_three_ways() -> None:
    """WSN's CAP is the union of used weights plus 1/32 per task; a ground counts whole."""
    one = next(row for row in ROWS if row.stage == "retrain")
    sizes = {
        "wsn": [(600, 400, 1000, 100), (200, 200, 1000, 120)],  # owned, free, total, picks
        "supsup": [(0, 0, 1000, 125), (0, 0, 1000, 125)],
        "scratch": [(1000, 0, 1000, 0), (1000, 0, 1000, 0)],
    }
    names = ("weights_owned", "weights_free", "weights_total", "bytes_picks")
    fixed = {"weights_reference": 1000, "bytes_file": 2**20, "bytes_dense": 2**18}
    rows = [
        replace(one, method=method, task=task, metric=name, value=float(value))
        for method, tasks in sizes.items()
        for task, numbers in zip(TASKS, tasks, strict=True)
        for name, value in {**dict(zip(names, numbers, strict=True)), **fixed}.items()
    ]
    table = tables.size_table(tables.frame(rows)).set_index("method")
    assert table.loc["wsn", "union_ratio"].tolist() == [0.6, 0.8]
    assert table.loc["wsn", "cap_ratio"].tolist() == [0.6 + 1 / 32, 0.8 + 2 / 32]
    assert table.loc["supsup", "cap_ratio"].tolist() == [1 + 1 / 32, 1 + 2 / 32]
    assert table.loc["scratch", "cap_ratio"].tolist() == [1.0, 2.0]
    assert table.loc["wsn", "total_mb"].tolist() == [1.0, 2.0]
    assert table.loc["wsn", "total_heads_mb"].tolist() == [0.25, 0.5]


def rows_with(cpg: str) -> list[tuple[str, str, str]]:
    """Which of our methods answers to which published row."""
    fine = [("fine-Avg", "finetune", "mean"), ("fine-Max", "finetune", "max")]
    return [*fine, (cpg, "cpg", "mean"), ("PAE", "pae", "mean")]


def published() -> pd.DataFrame:
    numbers = {"CPG avg": 60, "CPG top": 75, "fine-Avg": 70, "fine-Max": 80, "PAE": 50}
    return pd.DataFrame(
        [
            {"method": method, "task": task, "accuracy_percent": float(percent)}
            for method, percent in numbers.items()
            for task in ("trees", "apes", "fish")
        ]
    )


def test_published_beside_ours(frame: pd.DataFrame) -> None:
    table = tables.published_table(frame, published(), TASKS, rows_with("CPG top"))
    assert ",".join(table.columns) == (
        "protocol,task,method,ours,published_percent,ours_percent,ours_std,seeds,difference"
    )
    found = {
        (method, task): values
        for _, task, method, _, *values in lines(table.round(6))
        if values[1] is not None
    }
    assert found == {
        ("CPG top", "fish"): [75, 70, None, 1, -5],
        ("CPG top", "apes"): [75, 80, None, 1, 5],
        ("CPG top", "average"): [75, 75, None, 1, 0],
        ("fine-Avg", "fish"): [70, 75, None, 1, 5],
        ("fine-Avg", "apes"): [70, 55, None, 1, -15],
        ("fine-Avg", "average"): [70, 65, None, 1, -5],
        ("fine-Max", "fish"): [80, 80, None, 1, 0],
        ("fine-Max", "apes"): [80, 60, None, 1, -20],
        ("fine-Max", "average"): [80, 70, None, 1, -10],
    }
    assert set(table["protocol"]) == {"paper"}
    empty = table[table["method"].isin(["CPG avg", "PAE"])]
    assert len(empty) == 6
    assert (empty["seeds"] == 0).all()


def test_published_over_seeds(frame: pd.DataFrame) -> None:
    second = [replace(row, seed=1) for row in ROWS if row.method == "cpg"]
    second = [replace(row, value=0.6) if row.value == 0.8 else row for row in second]
    unfinished = [replace(row, seed=2) for row in second if row.task == "fish"]
    table = tables.published_table(
        tables.frame([*ROWS, *second, *unfinished]), published(), TASKS, rows_with("CPG avg")
    )
    table = table[table["method"] == "CPG avg"].set_index("task")
    assert table["seeds"].to_dict() == {"fish": 3, "apes": 2, "average": 2}
    assert table.loc["apes", "ours_percent"] == pytest.approx(70)
    assert table.loc["apes", "ours_std"] == pytest.approx(200**0.5)
    # The averages of the seeds are 75 and 65.
    assert table.loc["average", "ours_std"] == pytest.approx(50**0.5)


def test_published_compares_what_is_left_after_the_newest_task() -> None:
    rows = [
        replace(row, value=1.0) if (row.stage, row.task) == ("infer", "fish") else row
        for row in ROWS
    ]
    table = tables.published_table(tables.frame(rows), published(), TASKS, rows_with("CPG avg"))
    found = table.set_index(["method", "task"])["ours_percent"]
    assert found["fine-Avg", "fish"] == pytest.approx(75)
    assert found["fine-Max", "fish"] == pytest.approx(80)


def test_a_published_average_stands_beside_as_many_tasks(frame: pd.DataFrame) -> None:
    published = pd.DataFrame(
        [("A", "average", 2, 70.0), ("B", "average", 2, 50.0), ("C", "average", 3, 10.0)],
        columns=["method", "task", "tasks", "accuracy_percent"],
    )
    table = tables.published_table(frame, published, TASKS, [("A", "cpg", "mean")])
    assert lines(table) == [
        ["paper", "average", "A", "cpg", 70.0, pytest.approx(75.0), None, 1, pytest.approx(5.0)],
        ["paper", "average", "B", "", 50.0, None, None, 0, None],
    ]
    both = [("A", "cpg", "mean"), ("A", "finetune", "max")]
    table = tables.published_table(frame, published, TASKS, both)
    assert table["ours"].tolist() == ["cpg", "finetune", ""]
    assert table["ours_percent"].tolist()[:2] == pytest.approx([75, 70])
    assert tables.published_table(frame, published, [*TASKS, *"xy"], []).empty


def test_published_without_a_common_task_is_empty(frame: pd.DataFrame) -> None:
    assert tables.published_table(frame, published(), ["digits"], rows_with("CPG avg")).empty


@pytest.mark.parametrize("name", ["experiment", "protocol"])
def test_records_of_two_protocols_or_experiments_do_not_mix(name: str) -> None:
    with pytest.raises(UserError, match=f"more than one {name}"):
        tables.frame([ROWS[0], replace(ROWS[0], **{name: "clean"})])


def test_tables_without_records_are_empty() -> None:
    nothing = tables.frame([])
    assert tables.accuracy_table(nothing).empty
    assert tables.size_table(nothing).empty
    assert tables.goals_table(nothing).empty
    summary = tables.summary_table(nothing, TASKS, METHODS)
    assert list(summary.columns) == list(tables.SUMMARY_COLUMNS) and summary.empty
    assert tables.published_table(nothing, published(), TASKS, [])["ours_percent"].isna().all()


def test_text_for_people(frame: pd.DataFrame) -> None:
    table = tables.summary_table(frame, TASKS, ["finetune", "cpg"]).drop(
        columns=["tasks", "accuracy_last", "bwt", "used_ratio", "size_ratio"]
    )
    assert tables.as_text(table) == (
        "method    seed  accuracy_mean %  forgetting_mean %  width  size_mb  goals_met\n"
        "finetune     0             65.0                0.0   1.00        -          -\n"
        "cpg          0             75.0                0.0   1.50     1.50          1"
    )


def test_text_says_yes_no_and_never_minus_zero() -> None:
    table = pd.DataFrame(
        {"met": pd.array([True, False, None], "boolean"), "bwt": [-0.0001, -0.05, None]}
    )
    assert tables.as_text(table).splitlines() == [
        "met  bwt %",
        "yes    0.0",
        "no    -5.0",
        "-        -",
    ]


def test_names_that_look_like_something_else_come_back_from_a_file(tmp_path: Path) -> None:
    names = ["NA", "null", "010", "1e3", "True", "nan", ""]
    table = pd.DataFrame({"method": "cpg", "task": names, "accuracy": 0.5, "goal": None})
    table.to_csv(tmp_path / "a.csv", index=False)
    again = tables.read_table(tmp_path / "a.csv")
    assert again["task"].tolist()[:-1] == names[:-1] and again["task"].isna().tolist()[-1]
    assert again["accuracy"].sum() == 3.5 and again["goal"].isna().all()


def test_an_average_is_over_the_tasks_that_a_paper_has(frame: pd.DataFrame) -> None:
    """Of CPG the paper has fish alone; of the others both."""
    gap = published()
    gap = gap[(gap["method"] != "CPG top") | (gap["task"] == "fish")]
    table = tables.published_table(frame, gap, TASKS, rows_with("CPG top"))
    cpg = table[table["method"] == "CPG top"].set_index("task")
    assert list(cpg.index) == ["fish", "average"]
    assert cpg.loc["average", ["published_percent", "ours_percent"]].tolist() == [75, 70]
    assert set(table.loc[table["method"] == "fine-Avg", "task"]) == {"fish", "apes", "average"}
