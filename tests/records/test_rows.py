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
    "layer,pattern,metric,value"
)
HEADER_1 = HEADER.replace("layer,pattern,", "")

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
    layer=st.none() | st.integers(),
    pattern=st.none() | words,
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


def test_columns_are_schema_version_2() -> None:
    assert ",".join(COLUMNS) == HEADER


@given(st.lists(rows, max_size=5))
def test_rows_read_back_exactly(written: list[Row]) -> None:
    assert parse(to_csv(written), "record.csv") == written


def test_the_text_is_exactly_this() -> None:
    text = to_csv([row(width=1.5, on_task="a,b", value=0.1 + 0.2)])
    assert text == (
        f'{HEADER}\n2,toy,clean,cpg,3,fish,infer,,,,1.5,"a,b",,,,accuracy,0.30000000000000004\n'
    )


def test_a_whole_number_as_value_is_written_as_float() -> None:
    assert to_csv([row(value=2)]).endswith(",2.0\n")


@pytest.mark.parametrize("path", sorted(GOLDEN.glob("v*.csv")), ids=lambda path: path.stem)
def test_records_of_every_version_still_parse(path: Path) -> None:
    found = read(path)
    assert len(found) == len(path.read_text().splitlines()) - 1 > 0
    assert {row.experiment for row in found} == {"toy"}


def test_version_2_writes_the_golden_file_again() -> None:
    path = GOLDEN / "v2.csv"
    assert to_csv(read(path)) == path.read_text()


def test_version_1_says_the_same_as_version_2() -> None:
    assert read(GOLDEN / "v1.csv") == read(GOLDEN / "v2.csv")


@pytest.mark.parametrize(
    ("metric", "columns"),
    [
        ("shares_layer_3", {"metric": "shares", "layer": 3}),
        ("posterior:SS--", {"metric": "posterior", "pattern": "SS--"}),
        ("posterior_epoch:-S", {"metric": "posterior_epoch", "pattern": "-S"}),
        ("candidate:S", {"metric": "candidate", "pattern": "S"}),
        ("alpha:10:-", {"metric": "alpha", "layer": 10, "pattern": "-"}),
        ("kept:0", {"metric": "kept", "layer": 0}),
        ("gate_rate:2", {"metric": "gate_rate", "layer": 2}),
        ("units:1", {"metric": "units", "layer": 1}),
        ("selected:1", {"metric": "selected", "layer": 1}),
        ("kept", {"metric": "kept"}),
        ("accuracy", {"metric": "accuracy"}),
        ("verification_accuracy", {"metric": "verification_accuracy"}),
    ],
)
def test_metrics_of_version_1_become_columns(metric: str, columns: dict) -> None:
    line = f"1,toy,clean,cpg,3,fish,train,,2,,,,,{metric},0.5"
    assert parse(f"{HEADER_1}\n{line}\n", "record.csv") == [
        row(stage="train", epoch=2, value=0.5, **columns)
    ]


GOOD = "2,toy,clean,cpg,3,fish,infer,,,,1.5,fish,test,,,accuracy,0.5"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (GOOD.replace("0.5", "half"), "value is 'half'"),
        (GOOD.replace("0.5", ""), "value is ''"),
        (GOOD.replace(",3,", ",3.5,"), "seed is '3.5'"),
        (GOOD.replace("2,toy", "1,toy"), "schema version '1' is not that of the header"),
        (GOOD.replace("cpg", ""), "method is ''"),
        (GOOD + ",1", "18 cells instead of 17"),
        ("", "0 cells instead of 17"),
    ],
)
def test_a_bad_line_is_named(line: str, said: str) -> None:
    with pytest.raises(UserError, match=r"s0/record\.csv is wrong in line 3: ") as caught:
        parse(f"{HEADER}\n{GOOD}\n{line}\n", "s0/record.csv")
    assert said in str(caught.value)


@pytest.mark.parametrize("text", ["", "schema,value\n1,0.5\n", HEADER.upper() + "\n"])
def test_a_bad_header_is_named(text: str) -> None:
    with pytest.raises(DamagedFile, match=r"record\.csv is wrong in line 1: the header is"):
        parse(text, "record.csv")


def test_missing_and_binary_files_are_named(tmp_path: Path) -> None:
    path = tmp_path / "record.csv"
    with pytest.raises(DamagedFile, match=r"record\.csv is missing"):
        read(path)
    path.write_bytes(b"schema\xff")
    with pytest.raises(DamagedFile, match="not UTF-8 text at byte 6"):
        read(path)
