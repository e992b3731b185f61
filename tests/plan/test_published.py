"""The file of published numbers, checked before anything runs."""

import pytest
from toy_experiment import toy_config

from lifelong.plan.config import check
from lifelong.plan.errors import ConfigError
from lifelong.plan.published import check_published


@pytest.fixture
def checked(tmp_path):
    """Checks a configuration with a file of these lines."""

    def checked(text: str, **changes) -> None:
        file = tmp_path / "p.csv"
        file.write_text(text)
        check_published(check(toy_config(["packnet"], published=str(file), **changes)))

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
