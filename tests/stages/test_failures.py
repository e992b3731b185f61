"""Why stages failed is said once more at the end of a run."""

import pytest

from lifelong.jobs import failures


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def test_stages_with_one_reason_share_a_line():
    for stage in ("a/train", "b/train", "c/train"):
        failures.keep(stage, "no pack")
    failures.keep("d/prune", "no candidate")
    failures.forget("c/train")
    assert failures.said() == [
        "Error in a/train and 1 other stage: no pack",
        "Error in d/prune: no candidate",
    ]
    failures.clear()
    assert failures.said() == []


def test_a_disk_that_was_full_hides_no_other_reason(tmp_path):
    failures.keep("a/train", "no pack")
    failures.keep("b/train", "no space left")
    failures._file_of("b/train").write_text("")
    assert failures.said() == ["Error in a/train: no pack"]
