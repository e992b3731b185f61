"""All records of an experiment in, tables as CSV out. Local, no torch."""

import logging
from collections.abc import Callable
from pathlib import Path

import pandas as pd

from lifelong import store
from lifelong.plan.errors import ConfigError
from lifelong.plan.stage import Stage
from lifelong.records import learning, tables, verification
from lifelong.records.rows import Row, read
from lifelong.work.seal import seal

log = logging.getLogger(__name__)


def run(stage: Stage) -> None:
    """Write all tables; learning, verification and published may consist of a header only."""
    spec = stage.spec
    frame = read_frame(stage.input_list("records"), _tabulated)
    written = {
        "accuracy": tables.accuracy_table(frame),
        "goals": tables.goals_table(frame),
        "size": tables.size_table(frame),
        "learning": learning.learning_table(frame),
        "verification": verification.verification_table(frame, spec.separate),
        "published": _published(stage, frame),
        "summary": tables.summary_table(frame, spec.tasks, spec.methods),
    }
    files = {}
    for name, table in written.items():
        text = table.to_csv(index=False, lineterminator="\n")
        files[f"{name}.csv"] = store.write_text(Path(stage.path(f"{name}.csv")), text)
    seal(stage, files)


def read_frame(records: list[str], wanted: Callable[[Row], bool]) -> pd.DataFrame:
    """The rows of many records that are wanted, as one table."""
    return tables.frame(row for path in records for row in read(Path(path)) if wanted(row))


def _tabulated(row: Row) -> bool:
    """Leave out posteriors and the like: one row per epoch and pattern makes millions of rows."""
    return row.stage != "train" or row.metric == "accuracy"


def _published(stage: Stage, frame: pd.DataFrame) -> pd.DataFrame:
    """Our accuracies beside the published ones; only a header where no published file is named."""
    if not stage.input_list("published"):
        return pd.DataFrame(columns=list(tables.PUBLISHED_COLUMNS))
    path = stage.input("published")
    published = tables.read_table(path)
    missing = sorted({"method", "task", "accuracy_percent"} - set(published.columns))
    if missing:
        raise ConfigError(f"config key published: {path} has no column {missing[0]!r}")
    return tables.published_table(frame, published, stage.spec.tasks, stage.spec.published_rows)
