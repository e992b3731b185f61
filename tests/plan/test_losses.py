"""The loss of a task in the configuration: what is refused, and which head it needs."""

import pytest

from lifelong.plan.config import check
from lifelong.plan.errors import ConfigError
from lifelong.plan.losses import LOSSES, check_loss, per_class
from lifelong.train.losses import loss_of


def config(loss: dict) -> dict:
    return {
        "experiment": "toy",
        "methods": ["cpg"],
        "datasets": {"digits": {"source": "digits", "channels": 1}},
        "tasks": [{"name": "a", "classes": [0, 1, 2], "loss": loss}],
        "network": {"name": "small_cnn"},
    }


def test_every_loss_of_the_table_can_be_made():
    given = {"counts": [5, 6, 7], "values": [1, 5, 20], "margin": 3, "start": 1.0, "decay": 0.1}
    given |= {"lowest": 5.0, "share": 0.5}
    for kind, row in LOSSES.items():
        settings = {name: given[name] for name in row.settings}
        loss = loss_of({"kind": kind, **settings}, 3)
        assert callable(loss) and isinstance(loss.counts_steps, bool), kind
        assert {row.needed, row.per_class} - {""} <= row.settings


@pytest.mark.parametrize(
    "loss",
    [
        {"kind": "cross_entropy"},
        {"kind": "weighted"},
        {"kind": "weighted", "counts": [5, 6, 7]},
        {"kind": "a_softmax", "margin": 3},
        {"kind": "expectation", "values": [1, 5, 20], "share": 0.5},
    ],
)
def test_a_loss_stays_as_it_was_given(loss):
    assert check(config(loss))["tasks"][0]["loss"] == loss


@pytest.mark.parametrize(
    ("loss", "words"),
    [
        ({"kind": "hinge"}, ("loss.kind", "'hinge'")),
        ({}, ("loss", "'kind'")),
        ({"kind": "weighted", "margin": 4}, ("'a'", "weighted", "'margin'", "remove")),
        ({"kind": "weighted", "counts": [1, 2]}, ("'a'", "2 counts for 3 classes")),
        ({"kind": "weighted", "counts": [1, 2, 0]}, ("loss.counts.2",)),
        ({"kind": "expectation"}, ("'a'", "needs values")),
        ({"kind": "expectation", "values": {"0": 1, "1": 2}}, ("'a'", "'2' has no number")),
        ({"kind": "weighted", "counts": {"0": 1, "1": 2, "2": 3, "x": 4}}, ("'x' is no class",)),
        ({"kind": "expectation", "values": [1, 2]}, ("2 values for 3 classes",)),
    ],
)
def test_a_wrong_loss_is_named(loss, words):
    with pytest.raises(ConfigError) as caught:
        check(config(loss))
    assert all(word in str(caught.value) for word in words), caught.value


def test_a_list_of_numbers_needs_a_list_of_classes():
    """As text 10-19 comes before 3-9: a list in the order of years would give 3-9 its value."""
    task = {"name": "age", "loss": {"kind": "expectation", "values": [1, 6, 14]}}
    with pytest.raises(ConfigError, match="write values as class: number"):
        check_loss(task)
    check_loss({**task, "classes": ["0-2", "3-9", "10-19"]})
    check_loss({**task, "loss": {"kind": "expectation", "values": {"0-2": 1, "3-9": 6}}})


def test_numbers_of_classes_follow_the_names():
    years = {"0-2": 1, "3-9": 6, "10-19": 14}
    assert per_class(years, ["0-2", "10-19", "3-9"], "x") == [1, 14, 6]
    assert per_class([3, 1, 2], ["a", "b", "c"], "x") == [3, 1, 2]
