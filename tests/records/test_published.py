"""The published CIFAR-100 table agrees with the averages printed beside it."""

from pathlib import Path

import pandas as pd
import pytest

PATH = Path(__file__).parents[2] / "experiments" / "published" / "cifar100_20.csv"
AVERAGES = {
    "Scratch": 78.8,
    "fine-Avg": 78.6,
    "fine-Max": 80.2,
    "PackNet": 67.5,
    "PAE": 77.1,
    "CPG avg": 80.9,
    "CPG max": 81.2,
    "CPG top": 81.7,
}
# Network width at the end, and the part of it left free, in units of the original network.
SIZES = {"PackNet": (1, 0), "PAE": (2, 0), "CPG avg": (1.5, 0.41), "CPG top": (1.5, 0)}


@pytest.fixture(scope="module")
def published() -> pd.DataFrame:
    return pd.read_csv(PATH)


def test_columns_and_methods(published: pd.DataFrame) -> None:
    columns = ["method", "task", "position", "accuracy_percent", "exp", "red"]
    assert list(published.columns) == columns
    assert list(published["method"].unique()) == list(AVERAGES)


@pytest.mark.parametrize("method", AVERAGES)
def test_average_is_the_printed_one(published: pd.DataFrame, method: str) -> None:
    rows = published[published["method"] == method]
    # Printed with one decimal, halves rounded up (Scratch is exactly 78.75).
    assert -0.05 - 1e-9 <= rows["accuracy_percent"].mean() - AVERAGES[method] < 0.05


@pytest.mark.parametrize("method", AVERAGES)
def test_every_method_has_the_twenty_tasks_in_order(published: pd.DataFrame, method: str) -> None:
    rows = published[published["method"] == method]
    assert list(rows["position"]) == list(range(1, 21))
    assert list(rows["task"]) == sorted(rows["task"].unique())


@pytest.mark.parametrize("method", SIZES)
def test_sizes(published: pd.DataFrame, method: str) -> None:
    rows = published[published["method"] == method]
    assert set(zip(rows["exp"], rows["red"], strict=True)) == {SIZES[method]}
