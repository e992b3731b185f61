"""What is read out of the log of a stage."""

from pathlib import Path

import pytest

from lifelong.records.stage_log import last_said, why_failed

_AT = "2026-11-28 10:00:00,123"


@pytest.mark.parametrize(
    ("text", "newest", "why"),
    [
        (f"{_AT} INFO train: epoch 3 of 20, 9 s left\n", "train: epoch 3 of 20, 9 s left", ""),
        (f"{_AT} INFO a\n{_AT} ERROR the disk is full\nTraceback (most\n  File x\nOSError: no\n",)
        + ("the disk is full",) * 2,
        (
            f"{_AT} ERROR lower the lr\n{_AT} INFO finished in 1 s\n",
            "finished in 1 s",
            "lower the lr",
        ),
        ("", "", ""),
        (f"{_AT} INFO ein Br\xfcckenfoto\n", "ein Br\xfcckenfoto", ""),
    ],
)
def test_the_newest_line_and_the_error(tmp_path, text, newest, why):
    path = tmp_path / "log.txt"
    path.write_text(text, encoding="utf-8")
    assert (last_said(path), why_failed(path)) == (newest, why)


def test_a_log_that_is_not_there_says_nothing(tmp_path):
    assert last_said(Path(tmp_path, "log.txt")) == why_failed(tmp_path / "log.txt") == ""
