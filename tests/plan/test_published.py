"""The file of published numbers, checked before anything runs."""

from pathlib import Path

import pytest
from toy_experiment import toy_config

from lifelong.plan.config import check, load
from lifelong.plan.errors import ConfigError
from lifelong.plan.published import check_published

TREE = Path(__file__).parents[2]
EXPERIMENTS = sorted((TREE / "experiments").glob("*.yaml"))


@pytest.fixture
def checked(tmp_path):
    """Checks a configuration with a file of these lines."""

    def checked(text: str, **changes) -> None:
        file = tmp_path / "p.csv"
        file.write_text(text)
        config = toy_config(["packnet", "cpg"], published=str(file), **changes)
        check_published(check(config))

    return checked


def test_averages_over_ten_and_over_twenty_tasks_may_stand_in_one_file(checked):
    head = "method,task,tasks,accuracy_percent\nPackNet,average,10,72\n"
    checked(head + "PackNet,average,20,58\n")
    with pytest.raises(ConfigError, match=r"line 3: PackNet on average is there twice"):
        checked(head + "PackNet,average,10,58\n")


def test_a_file_without_lines_has_no_row_for_a_variant(checked):
    head = "method,task,accuracy_percent\n"
    variants = {"low": {"method": "packnet", "prune": {"ratios": [0.5]}}}
    checked(head, variants=variants)
    variants["low"]["published"] = "PackNet"
    with pytest.raises(ConfigError, match=r"variants.low.published: .*p.csv has no method 'Pack"):
        checked(head, variants=variants)


def test_a_table_without_cpg_asks_for_none_of_its_rows(checked):
    head = "method,task,accuracy_percent\n"
    checked(head + "PackNet,average,58\n")
    with pytest.raises(ConfigError, match=r"published_cpg_row: .* has no method 'CPG max'; it has"):
        checked(head + "CPG top,average,58\n")


@pytest.mark.parametrize("file", EXPERIMENTS, ids=lambda path: path.stem)
def test_an_experiment_has_its_published_numbers(file, monkeypatch):
    monkeypatch.chdir(TREE)
    check_published(check(load([TREE / "config.yaml", file])))
