"""What verification found, beside separate networks: worked by hand."""

import numpy as np
import pandas as pd
import pytest

from lifelong.records import tables
from lifelong.records.rows import Row
from lifelong.records.verification import (
    COLUMNS,
    METRICS,
    PREFIX,
    mean_over_seeds,
    verification_table,
)


def found(method: str, seed: int, accuracy: float, attempt: int | None = 0, task: str = "who"):
    """All metrics of one network; all but the accuracy follow from it."""
    where = {"experiment": "toy", "protocol": "clean", "method": method, "seed": seed}
    where |= {"task": task, "on_task": task, "stage": "infer", "split": "test", "attempt": attempt}
    values = dict.fromkeys(METRICS, accuracy / 10) | {"accuracy": accuracy, "far_target": 0.001}
    rows = [Row(**where, metric=PREFIX + name, value=value) for name, value in values.items()]
    return [*rows, Row(**where, metric="accuracy", value=0.123)]


ROWS = [
    *found("scratch", 0, 0.60),
    *found("scratch", 1, 0.70),
    *found("finetune", 0, 0.62, 0),
    *found("finetune", 0, 0.68, 1),
    *found("cpg", 0, 0.66),
    *found("cpg", 1, 0.68),
    *found("cpg", 0, 0.90, task="other"),
]


def test_a_line_a_run_and_the_separate_network_of_its_seed():
    table = verification_table(tables.frame(ROWS), "scratch")
    assert tuple(table.columns) == COLUMNS
    lines = [tuple(line) for line in table[["method", "seed", "task", "networks"]].to_numpy()]
    assert lines == [
        ("scratch", 0, "who", 1),
        ("scratch", 1, "who", 1),
        ("finetune", 0, "who", 2),
        ("cpg", 0, "who", 1),
        ("cpg", 0, "other", 1),
        ("cpg", 1, "who", 1),
    ]
    np.testing.assert_allclose(table["accuracy"], [0.60, 0.70, 0.65, 0.66, 0.90, 0.68])
    np.testing.assert_allclose(table["auc"], [0.060, 0.070, 0.065, 0.066, 0.090, 0.068])
    unknown = np.nan  # a separate network beside itself, and a task that has none
    beside = [unknown, unknown, 0.60, 0.60, unknown, 0.70]
    np.testing.assert_allclose(table["accuracy_separate"], beside)
    gains = [unknown, unknown, 0.05, 0.06, unknown, -0.02]
    np.testing.assert_allclose(table["accuracy_difference"], gains, atol=1e-12)


def test_means_over_seeds():
    means = mean_over_seeds(verification_table(tables.frame(ROWS), "scratch")).set_index(
        ["task", "method"]
    )
    assert list(means.index) == [
        ("who", "scratch"),
        ("who", "finetune"),
        ("who", "cpg"),
        ("other", "cpg"),
    ]
    cpg = means.loc[("who", "cpg")]
    assert (cpg["seeds"], cpg["networks"]) == (2, 2)
    assert cpg["accuracy"] == pytest.approx(0.67)
    assert cpg["accuracy_std"] == pytest.approx(0.02 / 2**0.5)  # 0.66 and 0.68, ddof 1
    assert cpg["accuracy_difference"] == pytest.approx(0.02)
    assert means.loc[("who", "finetune"), "networks"] == 2
    assert np.isnan(means.loc[("who", "finetune"), "accuracy_std"])


def test_records_from_before_networks_were_counted_are_one_network():
    table = verification_table(tables.frame(found("cpg", 0, 0.6, attempt=None)), "")
    assert table["networks"].tolist() == [1] and table["accuracy"].tolist() == [0.6]


def test_without_pairs_there_is_a_header_and_its_mean_is_empty(tmp_path):
    rows = [row for row in ROWS if row.metric == "accuracy"]
    for frame in (tables.frame(rows), tables.frame([])):
        table = verification_table(frame, "scratch")
        assert tuple(table.columns) == COLUMNS and not len(table)
        table.to_csv(tmp_path / "v.csv", index=False)
        assert not len(mean_over_seeds(pd.read_csv(tmp_path / "v.csv")))
