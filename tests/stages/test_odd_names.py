"""Tasks whose names read like numbers or nothing, through all stages to the last page."""

import pandas as pd
import pytest
from toy_experiment import run_toy

from lifelong.records.tables import read_table
from lifelong.use.show import show

NAMES = ("NA", "null")


@pytest.fixture(scope="module", params=["packnet", "stl"])
def results(request, tmp_path_factory):
    tasks = [{"name": name, "classes": [i, 5 + i]} for i, name in enumerate(NAMES)]
    return run_toy(tmp_path_factory.mktemp("odd"), [request.param], tasks=tasks, goals={})


def test_every_task_counts_in_tables_report_and_means(results):
    accuracies = read_table(results / "tables" / "accuracy.csv")
    assert accuracies["task"].tolist() == [NAMES[0], *NAMES]
    final = accuracies[accuracies["after_task"] == NAMES[1]]["accuracy"]
    (mean,) = pd.read_csv(results / "tables" / "summary.csv")["accuracy_mean"]
    assert mean == pytest.approx(final.mean())
    page = (results / "report" / "index.html").read_text()
    assert all(page.count(f">{name}<") for name in NAMES)
    assert "report" in show(results)
