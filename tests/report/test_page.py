"""The page stands alone, escapes what it is given and is well formed."""

import re
from html.parser import HTMLParser

import pandas as pd
import pytest
from matplotlib.figure import Figure

from lifelong.report.page import page
from lifelong.report.plots import svg

NASTY = '<script>alert("x")</script> & more'
VOID = {"meta", "br", "link", "img"}


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


def drawing(label: str) -> str:
    figure = Figure()
    axes = figure.subplots()
    axes.plot([1, 2], [3, 4], "o-", label=label)
    axes.set_title(label)
    return svg(figure)


def read(text: str) -> Tags:
    tags = Tags()
    tags.feed(text)
    tags.close()
    assert tags.open == []
    return tags


@pytest.fixture(scope="module")
def text() -> str:
    table = pd.DataFrame({"method": [NASTY, "cpg"], "accuracy_mean": [0.7951, None]})
    figures = {"One": drawing("first"), "Two": drawing(NASTY)}
    return page(NASTY, "paper", {NASTY: table}, figures, [NASTY])


def test_all_text_is_escaped_and_nothing_runs(text: str) -> None:
    tags = read(text)
    assert "script" not in tags.seen
    # title, h1, note, heading, cell, and the drawing's own title
    assert sum(NASTY in part for part in tags.texts) == 6


def test_nothing_is_fetched(text: str) -> None:
    tags = read(text)
    assert not {"link", "img", "iframe", "object"} & set(tags.seen)
    sources = [value for name, value in tags.attributes if name in ("href", "xlink:href", "src")]
    assert sources and all(value.startswith("#") for value in sources)
    assert not re.search(r"url\((?!#)|@import", text)


def test_ids_are_unique_and_every_reference_is_kept(text: str) -> None:
    tags = read(text)
    ids = [value for name, value in tags.attributes if name == "id"]
    assert len(ids) == len(set(ids)) > 10
    references = set(re.findall(r'(?:href="|url\()#([^")]+)', text))
    assert references and references <= set(ids)


def test_one_document_with_two_drawings(text: str) -> None:
    assert text.startswith("<!DOCTYPE html>")
    assert text.count("<!DOCTYPE") == 1 and "<?xml" not in text
    assert read(text).seen.count("svg") == 2


def test_numbers_are_aligned_right_and_read_as_percent(text: str) -> None:
    assert '<td class="number">79.5</td>' in text
    assert '<td class="number">-</td>' in text
    assert '<th>method</th><th class="number">accuracy_mean %</th>' in text


def test_the_protocol_is_said_and_dark_is_known(text: str) -> None:
    assert "Protocol <strong>paper</strong>. Decisions were made on the test split" in text
    assert "prefers-color-scheme: dark" in text
    clean = page("t", "clean", {}, {}, [])
    assert "validation split" in clean and "optimistic" not in clean


def test_the_same_input_gives_the_same_page(text: str) -> None:
    arguments = ("t", "clean", {}, {"One": drawing("first")}, ["note"])
    assert page(*arguments) == page(*arguments)
