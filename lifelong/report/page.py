"""One HTML page that needs nothing else: figures inline, no scripts, nothing fetched.

What it says is in the dataclasses here, how it looks in `templates/`.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from lifelong.records.cells import as_cells, is_number
from lifelong.report import words
from lifelong.report.answers import AnsweredTask

_NUMBER = re.compile(r"-|-?[\d.]+( ± [\d.]+)?")
_TEMPLATES = Path(__file__).parent / "templates"


@dataclass(frozen=True)
class TableColumn:
    """A column of a table and what it says; numbers are aligned right."""

    title: str
    about: str
    number: bool = False


@dataclass(frozen=True)
class Line:
    """A line of a table: its head, the other cells, and marks of what it is best in."""

    head: str
    cells: Sequence[str]
    marks: Sequence[str] = ()
    published: bool = False


@dataclass(frozen=True)
class PageTable:
    """A table; `name` is that of its CSV, where it is one."""

    columns: list[TableColumn]
    lines: list[Line]
    name: str = ""


@dataclass(frozen=True)
class Plot:
    """A figure: the name of its file, what it shows in words, and its SVG."""

    name: str
    label: str
    svg: str


@dataclass(frozen=True)
class Group:
    """Figures that belong together, under a title or none."""

    title: str
    drawings: list[Plot]


@dataclass(frozen=True)
class Section:
    """One kind of figure; `key` says what colours mean: (style, words)."""

    id: str
    title: str
    about: str
    groups: list[Group]
    key: Sequence[tuple[str, str]] = ()


@dataclass(frozen=True)
class Downloads:
    """Where the files of a method's stages lie: a line per task, (stage, record, log) each."""

    method: str
    lines: list[tuple[str, list[tuple[str, str, str]]]]


@dataclass(frozen=True)
class Page:
    """All that the page says."""

    title: str
    protocol: str
    lede: str
    results: PageTable
    results_about: str
    warnings: list[str] = field(default_factory=list)
    more: list[tuple[str, str, PageTable]] = field(default_factory=list)  # title, about
    sections: list[Section] = field(default_factory=list)
    answers: list[tuple[str, list[AnsweredTask]]] = field(default_factory=list)  # by method
    answers_about: str = ""
    times: str = ""  # alternative text of times.svg
    tables: list[PageTable] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    settings: str = ""
    versions: list[tuple[str, str]] = field(default_factory=list)
    files: list[Downloads] = field(default_factory=list)


def as_table(name: str, frame: pd.DataFrame) -> PageTable:
    """A table as people read it; every column is explained where `name` is that of its CSV."""
    cells = as_cells(frame)
    about = words.COLUMNS if name else {}
    columns = [
        TableColumn(str(title), about.get(str(column), ""), _numeric(frame[column]))
        for title, column in zip(cells.columns, frame.columns, strict=True)
    ]
    return PageTable(columns, [Line(line[0], line[1:]) for line in cells.to_numpy().tolist()], name)


def _numeric(column: pd.Series) -> bool:
    """Whether a column holds numbers, perhaps as text with their spread."""
    return is_number(column) or all(_NUMBER.fullmatch(str(cell)) for cell in column)


def page(content: Page, template: str = "index.html.jinja2") -> str:
    """The page as HTML text; all text in it is escaped but the SVG of figures."""
    loader = FileSystemLoader(_TEMPLATES)
    house = Environment(
        loader=loader,
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    house.filters |= {"breakable": breakable}
    style = Markup((_TEMPLATES / "style.css").read_text(encoding="utf-8"))
    drawn: list[str] = []

    def inline(drawing: Plot) -> Markup:
        drawn.append(drawing.name)
        return _inline(drawing.svg, len(drawn))

    return house.get_template(template).render(
        page=content, words=words, style=style, inline=inline
    )


def breakable(text: str) -> Markup:
    """A name that may be broken after its underscores, where a line is too short for it."""
    return Markup(str(escape(text)).replace("_", "_<wbr>"))


def _inline(svg: str, number: int) -> Markup:
    """A figure's SVG without its head, its ids its own: figures share such as `axes_1`."""
    inline = svg[svg.index("<svg") :]
    inline = re.sub(r'\bid="', f'id="f{number}-', inline)
    inline = re.sub(r'(href="|url\()#', rf"\1#f{number}-", inline)
    return Markup(re.sub(r"<metadata>.*?</metadata>", "", inline, flags=re.DOTALL))
