"""The record schema: what is written reads back exactly, and damage is named by file and line."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lifelong.plan.errors import DamagedFile, UserError
from lifelong.records.rows import COLUMNS, Row, parse, read, to_csv

GOLDEN = Path(__file__).parent / "golden"
HEADER = (
    "schema,experiment,protocol,method,seed,task,stage,attempt,epoch,ratio,width,on_task,split,"
    "metric,value"
)

words = st.text(st.characters(codec="utf-8", exclude_categories=["C"]), min_size=1)
numbers = st.floats(allow_nan=False)
rows = st.builds(
    Row,
    experiment=words,
    protocol=words,
    method=words,
    seed=st.integers(),
    task=words,
    stage=words,
    attempt=st.none() | st.integers(),
    epoch=st.none() | st.integers(),
    ratio=st.none() | numbers,
    width=st.none() | numbers,
    on_task=st.none() | words,
    split=st.none() | words,
    metric=words,
    value=numbers,
)


def row(**changes: object) -> Row:
    fields = {
        "experiment": "toy",
        "protocol": "clean",
        "method": "cpg",
        "seed": 3,
        "task": "fish",
        "stage": "infer",
        "metric": "accuracy",
        "value": 0.1,
    }
    return Row(**(fields | changes))


def test_columns_are_schema_version_1() -> None:
    assert ",".join(COLUMNS) == HEADER


@given(st.lists(rows, max_size=5))
def test_rows_read_back_exactly(written: list[Row]) -> None:
    assert parse(to_csv(written), "record.csv") == written


def test_the_text_is_exactly_this() -> None:
    text = to_csv([row(width=1.5, on_task="a,b", value=0.1 + 0.2)])
    assert text == (
        f'{HEADER}\n1,toy,clean,cpg,3,fish,infer,,,,1.5,"a,b",,accuracy,0.30000000000000004\n'
    )


def test_a_whole_number_as_value_is_written_as_float() -> None:
    assert to_csv([row(value=2)]).endswith(",2.0\n")


@pytest.mark.parametrize("path", sorted(GOLDEN.glob("v*.csv")), ids=lambda path: path.stem)
def test_records_of_every_version_still_parse(path: Path) -> None:
    found = read(path)
    assert len(found) == len(path.read_text().splitlines()) - 1 > 0
    assert {row.experiment for row in found} == {"toy"}


def test_version_1_writes_the_golden_file_again() -> None:
    path = GOLDEN / "v1.csv"
    assert to_csv(read(path)) == path.read_text()


GOOD = "1,toy,clean,cpg,3,fish,infer,,,,1.5,fish,test,accuracy,0.5"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (GOOD.replace("0.5", "half"), "value is 'half'"),
        (GOOD.replace("0.5", ""), "value is ''"),
        (GOOD.replace(",3,", ",3.5,"), "seed is '3.5'"),
        (GOOD.replace("1,toy", "2,toy"), "schema version '2' is unknown"),
        (GOOD.replace("cpg", ""), "method is ''"),
        (GOOD + ",1", "16 cells instead of 15"),
        ("", "0 cells instead of 15"),
    ],
)
def test_a_bad_line_is_named(line: str, said: str) -> None:
    with pytest.raises(UserError, match=r"s0/record\.csv, line 3: ") as caught:
        parse(f"{HEADER}\n{GOOD}\n{line}\n", "s0/record.csv")
    assert said in str(caught.value)


@pytest.mark.parametrize("text", ["", "schema,value\n1,0.5\n", HEADER.upper() + "\n"])
def test_a_bad_header_is_named(text: str) -> None:
    with pytest.raises(DamagedFile, match=r"record\.csv, line 1: the header is"):
        parse(text, "record.csv")


def test_missing_and_binary_files_are_named(tmp_path: Path) -> None:
    path = tmp_path / "record.csv"
    with pytest.raises(DamagedFile, match=r"record\.csv does not exist"):
        read(path)
    path.write_bytes(b"schema\xff")
    with pytest.raises(DamagedFile, match="not UTF-8 text at byte 6"):
        read(path)
