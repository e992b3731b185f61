"""The page stands alone, escapes what it is given, is well formed, and explains its columns."""

import re
from html.parser import HTMLParser

import pandas as pd
import pytest
from matplotlib.figure import Figure
from report_page import toy_page

from lifelong.plan.overview import TABLES
from lifelong.records import learning, tables, verification
from lifelong.report import words
from lifelong.report.answers import tasks_of
from lifelong.report.canvas import svg
from lifelong.report.page import (
    Downloads,
    Group,
    Line,
    PageTable,
    Plot,
    Section,
    TableColumn,
    as_table,
    page,
)

NASTY = '<script>alert("x")</script> & more'
VOID = {"meta", "br", "link", "img", "wbr"}


class Tags(HTMLParser):
    """Collects tags, ids and texts; fails on tags closed in the wrong order."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.texts: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append(tag)
        self.attributes += attrs
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append(tag)
        self.attributes += attrs

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def drawing(label: str) -> Plot:
    figure = Figure()
    axes = figure.subplots()
    axes.plot([1, 2], [3, 4], "o-", label=label)
    axes.set_title(label)
    return Plot("one", label, svg(figure))


def read(text: str) -> Tags:
    tags = Tags()
    tags.feed(text)
    tags.close()
    assert tags.open == []
    return tags


@pytest.fixture(scope="module")
def text() -> str:
    confusion = pd.DataFrame(
        {"on_task": ["x"] * 3, "label": [NASTY, "b", "b"], "answer": [NASTY, NASTY, "b"]}
        | {"images": [3, 1, 2]}
    )
    wrong = {"on_task": ["x"], "label": ["b"], "answer": [NASTY], "probability": [0.9]}
    answers = tasks_of(confusion, pd.DataFrame({**wrong, "png": ["iVBORw0KGgo="]}))
    columns = [TableColumn("method", ""), TableColumn(NASTY, NASTY, True)]
    groups = [Group(NASTY, [drawing("first"), drawing(NASTY)])]
    content = toy_page(
        title=NASTY,
        protocol="paper",
        results=PageTable(columns, [Line(NASTY, [NASTY], ("front", "dense"))]),
        warnings=[NASTY],
        sections=[Section("one", NASTY, NASTY, groups, [("line", NASTY)])],
        answers=[(NASTY, answers)],
        answers_about="Answers.",
        times="times",
        tables=[as_table("summary", pd.DataFrame({"method": [NASTY], "accuracy_mean": [0.7951]}))],
        notes=[NASTY],
        settings=NASTY,
        versions=[("torch", NASTY)],
        files=[
            Downloads("cpg", [("01-x", [("train", "../a%20b/record.csv", "../a%20b/log.txt")])])
        ],
    )
    return page(content)


def test_all_text_is_escaped_and_nothing_runs(text: str) -> None:
    tags = read(text)
    assert "script" not in tags.seen and 'alert("x")</script>' not in text
    assert not [name for name, _ in tags.attributes if name.startswith("on")]
    assert sum(NASTY in part for part in tags.texts) >= 15


def test_nothing_is_fetched_but_the_times_beside_the_page(text: str) -> None:
    tags = read(text)
    assert not {"iframe", "object", "script"} & set(tags.seen)
    named = ("href", "xlink:href", "src")
    sources = {str(value) for name, value in tags.attributes if name in named}
    beside = {"times.svg", "../tables/summary.csv", "../a%20b/record.csv", "../a%20b/log.txt"}
    assert beside <= sources
    assert all(one.startswith(("#", "data:")) for one in sources - beside)
    assert not re.search(r"url\((?!#)|@import", text)


def test_ids_are_unique_and_every_reference_is_kept(text: str) -> None:
    tags = read(text)
    ids = [value for name, value in tags.attributes if name == "id"]
    assert len(ids) == len(set(ids)) > 10
    references = set(re.findall(r'(?:href="|url\()#([^")]+)', text))
    assert references and references <= set(ids)


def test_one_document_with_its_drawings(text: str) -> None:
    assert text.startswith("<!DOCTYPE html>")
    assert text.count("<!DOCTYPE") == 1 and "<?xml" not in text
    assert read(text).seen.count("svg") == 2 + 1  # and one that explains the colours


def test_the_contents_list_every_section(text: str) -> None:
    listed = re.findall(r'<li><a href="#([^"]+)"', text)
    assert listed == re.findall(r'<section id="([^"]+)"', text)


def test_numbers_are_aligned_right_and_read_as_percent(text: str) -> None:
    assert '<td class="number">79.5</td>' in text
    assert "accuracy_<wbr>mean %</th>" in text
    shown = page(toy_page())
    assert '<td class="number">79.5<span class="spread"> ± 0.3</span></td>' in shown


def test_means_with_their_spread_are_numbers_too() -> None:
    table = as_table("", pd.DataFrame({"method": ["cpg"], "peak %": ["59.5 ± 7.1"], "x": ["-"]}))
    assert [column.number for column in table.columns] == [False, True, True]


def test_the_protocol_is_said_and_dark_is_known(text: str) -> None:
    assert "Protocol <strong>paper</strong>. Decisions were made on the test split" in text
    assert "prefers-color-scheme: dark" in text
    clean = page(toy_page())
    assert "validation split" in clean and "optimistic" not in clean


def test_many_classes_are_a_list_of_pairs_and_few_a_matrix() -> None:
    names = [str(place) for place in range(11)]
    rows = pd.DataFrame({"on_task": "x", "label": names, "answer": names, "images": 4})
    one = pd.DataFrame({"on_task": ["x"], "label": ["3"], "answer": ["5"], "images": [2]})
    none = pd.DataFrame(columns=["on_task", "label", "answer", "probability", "png"])
    (many,) = tasks_of(pd.concat([rows, one]), none)
    assert (many.right, many.images, many.grid) == (44, 46, [])
    assert [tuple(pair) for pair in many.confused] == [("3", "5", 2)]
    (few,) = tasks_of(rows[:2], none)
    assert few.grid == [[(4, 1.0), (0, 0.0)], [(0, 0.0), (4, 1.0)]]


def test_every_column_of_every_table_is_explained() -> None:
    columns = {*tables.ACCURACY_COLUMNS, *tables.GOAL_COLUMNS, *tables.SUMMARY_COLUMNS}
    columns |= {*tables.PUBLISHED_COLUMNS, *learning.LEARNING_COLUMNS, *tables.SIZE_METRICS}
    columns |= {*tables.SIZE_TOTALS, *verification.COLUMNS, *verification.AUTHENTICATION}
    assert columns <= set(words.COLUMNS), columns - set(words.COLUMNS)
    assert len(TABLES) == 7  # a new one needs its columns here


def test_the_same_content_gives_the_same_page() -> None:
    groups = [Group("", [drawing("first")])]
    content = toy_page(sections=[Section("one", "One", "", groups)])
    assert page(content) == page(content)
