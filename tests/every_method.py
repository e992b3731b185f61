"""What every method must do: learn, not forget, say its true size, resume. No special cases."""

import contextlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from harness_tree import Killed, content, die_after
from toy_experiment import run_toy

from lifelong import store
from lifelong.families import FAMILIES
from lifelong.plan.methods import METHODS
from lifelong.use.load import finished_model
from lifelong.work import work


def summary_of(results: Path, method: str) -> pd.Series:
    return pd.read_csv(results / "tables" / "summary.csv").set_index("method").loc[method]


def learns(results: Path, method: str) -> None:
    summary = summary_of(results, method)
    assert summary["tasks"] == 3
    assert summary["accuracy_last"] > 0.85
    assert summary["accuracy_mean"] > (0.85 if METHODS[method].isolates else 0.6)


def never_forgets(results: Path, method: str) -> None:
    seen: dict[str, np.ndarray] = {}
    for folder in sorted((results / method / "s0").glob("*/infer")):
        logits, _ = store.read_arrays(folder / "logits.h5")
        assert store.read_manifest(folder)["outcome"]["changed"] == []
        for task, values in logits.items():
            assert np.array_equal(seen.setdefault(task, values), values), task
    assert len(seen) == 3
    summary = summary_of(results, method)
    assert summary["forgetting_mean"] == 0.0 and summary["bwt"] == 0.0


def says_its_size(results: Path, method: str) -> pd.DataFrame:
    """Whatever its family: the table has the files' sizes, and the summary their sum."""
    _, paths = finished_model(results / method / "s0")
    table = pd.read_csv(results / "tables" / "size.csv")
    table = table[table["method"] == method].set_index("task")
    files = dict.fromkeys(paths)  # one file holds all tasks of a lesson
    assert [size for size in table["bytes_file"] if size] == [one.stat().st_size for one in files]
    in_use = table["bytes_file"].sum() - table["bytes_superseded"].fillna(0).sum()
    summary = summary_of(results, method)
    assert summary["size_mb"] == pytest.approx(in_use / 2**20, rel=1e-12)
    used = table["weights_owned"].sum() / table["weights_reference"].iloc[-1]
    assert summary["used_ratio"] == pytest.approx(used, rel=1e-12)
    return table


def is_read_from_its_folder(results: Path, method: str, tasks: list[str]) -> None:
    model, paths = finished_model(results / method / "s0")
    assert [shard.card.task for shard in model.shards] == tasks
    assert [shard.card.position for shard in model.shards] == [1, 2, 3]
    assert {shard.card.base for shard in model.shards} == {method}
    again = FAMILIES[METHODS[method].family].read(paths)
    assert type(again) is type(model) and again.shards[0].card == model.shards[0].card


def survives_two_kills(results: Path, method: str, folder: Path) -> None:
    """Killed early and again later, it gives the bytes of a run that nobody disturbed."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("lifelong.work.resume.SAVE_EVERY_S", 0.03)
        patch.setattr("lifelong.work.resume.SHARE_OF_TIME", 1.0)  # however long it takes
        for steps in (5, 100):
            with pytest.MonkeyPatch.context() as dying, contextlib.suppress(Killed):
                die_after(dying, steps)
                run_toy(folder, [method])
                pytest.fail("the run was never killed")
    again = run_toy(folder, [method])
    assert content(again / method) == content(results / method)
    assert not list(folder.rglob(".resume*")) and not list(folder.rglob("*.tmp"))


def has_weights_that_no_test_image_changes(results: Path, method: str, folder: Path) -> None:
    """Its curves are in the record, but another test split gives the same files of weights."""
    real = work.task_data

    def without_test(*arguments, **named):
        data = real(*arguments, **named)
        return replace(data, test=data.train)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(work, "task_data", without_test)
        again = run_toy(folder, [method])
    for name in ("candidate.h5", "shard.h5"):
        for path in (again / method).rglob(name):
            assert path.read_bytes() == (results / path.relative_to(again)).read_bytes(), path
    record = next((again / method).rglob("train/record.csv"))
    assert record.read_text() != (results / record.relative_to(again)).read_text()
