"""The one long CSV that every stage writes: one row per measured number."""

import csv
import io
from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from lifelong.plan.errors import DamagedFile
from lifelong.plan.stage import Stage
from lifelong.records.schema1 import upgraded

SCHEMA = 2
_OF_STAGE = ("experiment", "protocol", "method", "seed", "task")


@dataclass(frozen=True, kw_only=True)
class Row:
    """One number and where it was measured; accuracies in [0, 1], sizes in weights or bytes.

    `layer` counts from 0. `pattern` has one letter per layer, S for shared and - for the task's
    own; beside a `layer` it is the letter of that layer alone.
    """

    schema: int = SCHEMA
    experiment: str
    protocol: str
    method: str
    seed: int
    task: str
    stage: str
    attempt: int | None = None
    epoch: int | None = None
    ratio: float | None = None
    width: float | None = None
    on_task: str | None = None
    split: str | None = None
    layer: int | None = None
    pattern: str | None = None
    metric: str
    value: float


REJECTED = "accuracy_rejected"  # of a rung whose training accuracy fell below the floor
COLUMNS = tuple(field.name for field in fields(Row))
_COLUMNS = {  # of each schema version that can be read
    "1": tuple(name for name in COLUMNS if name not in ("layer", "pattern")),
    "2": COLUMNS,
}
# Reader of each column, the word for it in messages, and whether the column may be empty.
_READERS: dict[str, tuple[Callable[[str], Any], str, bool]] = {
    "schema": (int, "a whole number", False),
    "seed": (int, "a whole number", False),
    "attempt": (int, "a whole number", True),
    "epoch": (int, "a whole number", True),
    "ratio": (float, "a number", True),
    "width": (float, "a number", True),
    "on_task": (str, "a text", True),
    "split": (str, "a text", True),
    "layer": (int, "a whole number", True),
    "pattern": (str, "a text", True),
    "value": (float, "a number", False),
}
_TEXT: tuple[Callable[[str], Any], str, bool] = (str, "a text", False)
_FLOATS = ("ratio", "width", "value")


def stage_row(stage: Stage, metric: str, value: float, **where: Any) -> Row:
    """One row of the record of a task's stage; `where` are further fields of `Row`."""
    named = {name: getattr(stage.spec, name) for name in _OF_STAGE}
    return Row(**named, stage=stage.kind, metric=metric, value=float(value), **where)


def to_csv(rows: Iterable[Row]) -> str:
    """The CSV text of `rows`: header first, floats that read back exactly, empty for None."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows([_cell(row, name) for name in COLUMNS] for row in rows)
    return text.getvalue()


def _cell(row: Row, name: str) -> str:
    value = getattr(row, name)
    if value is None:
        return ""
    # float() first: numpy's own floats print as `np.float64(...)`.
    return repr(float(value)) if name in _FLOATS else str(value)


def parse(text: str, name: str) -> list[Row]:
    """The rows of CSV `text`; `name` is the file named in messages. Raises DamagedFile."""
    reader = csv.reader(io.StringIO(text, newline=""))
    header = next(reader, [])
    versions = [version for version, columns in _COLUMNS.items() if columns == tuple(header)]
    if not versions:
        raise _damaged(name, 1, f"the header is {','.join(header)!r}, not {','.join(COLUMNS)!r}")
    rows = []
    for cells in reader:
        try:
            rows.append(_row(cells, versions[0]))
        except ValueError as error:
            raise _damaged(name, reader.line_num, str(error)) from None
    return rows


def _row(cells: list[str], version: str) -> Row:
    columns = _COLUMNS[version]
    if len(cells) != len(columns):
        raise ValueError(f"{len(cells)} cells instead of {len(columns)}")
    if cells[0] != version:
        known = " and ".join(_COLUMNS)
        raise ValueError(f"schema version {cells[0]!r} is not that of the header; known: {known}")
    values = {name: _value(name, cell) for name, cell in zip(columns, cells, strict=True)}
    if version == "1":
        values |= {"schema": SCHEMA, **upgraded(values["metric"])}
    return Row(**values)


def _value(name: str, cell: str) -> Any:
    read, word, may_be_empty = _READERS.get(name, _TEXT)
    if not cell and may_be_empty:
        return None
    try:
        if not cell:
            raise ValueError
        return read(cell)
    except ValueError:
        raise ValueError(f"{name} is {cell!r}, not {word}") from None


def _damaged(name: str, line: int, what: str) -> DamagedFile:
    return DamagedFile(name, f"is wrong in line {line}: {what}")


def read(path: Path) -> list[Row]:
    """The rows of the record at `path`. Raises DamagedFile for a missing or broken file."""
    try:
        # newline="" leaves line ends to the csv reader, as the csv module asks.
        with open(path, encoding="utf-8", newline="") as file:
            text = file.read()
    except FileNotFoundError:
        raise DamagedFile.missing(path) from None
    except UnicodeDecodeError as error:
        raise DamagedFile(path, f"is not UTF-8 text at byte {error.start}") from None
    return parse(text, str(path))
