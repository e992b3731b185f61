"""One HTML page that needs nothing else: figures inline, no scripts, no links to elsewhere."""

import re
from collections.abc import Collection, Mapping
from html import escape

import pandas as pd

from lifelong.records.cells import as_cells, is_number

_PROTOCOLS = {
    "clean": "Every decision was made on a validation split cut from the training images; "
    "the test split was only measured.",
    "paper": "Decisions were made on the test split, as in the published experiments; "
    "these accuracies are optimistic and only comparable with tables made the same way.",
}
_STYLE = """
:root { color-scheme: light dark; --ink: #1c1c1e; --paper: #ffffff; --line: #d0d0d5; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6e6ea; --paper: #17171a; --line: #44444c; }
}
body { color: var(--ink); background: var(--paper); font: 16px/1.5 system-ui, sans-serif;
  max-width: 72rem; margin: 2rem auto; padding: 0 1rem; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-size: 0.85rem; }
th, td { padding: 0.2rem 0.5rem; border-bottom: 1px solid var(--line); text-align: left; }
.number { text-align: right; font-variant-numeric: tabular-nums; }
summary { font-size: 1.3rem; font-weight: bold; margin: 1rem 0; cursor: pointer; }
figure { margin: 1.5rem 0; padding: 0.5rem; background: #ffffff; color: #1c1c1e;
  border: 1px solid var(--line); overflow-x: auto; }
figure svg { max-width: 100%; height: auto; }
"""


def page(
    title: str,
    protocol: str,
    tables: dict[str, pd.DataFrame],
    figures: dict[str, str],
    notes: list[str],
    opened: Collection[str] = (),
    about: Mapping[str, str] | None = None,
) -> str:
    """The page as HTML text: the first table, all figures, then folded the other tables and notes.

    Tables named in `opened` stand with the first; `about` has words that go before a table.

    `figures` holds SVG texts as `lifelong.report.plots.svg` writes them; all other text is escaped.
    """
    first = [name for place, name in enumerate(tables) if not place or name in opened]
    parts = [
        f"<h1>{escape(title)}</h1>",
        f"<p>Protocol <strong>{escape(protocol)}</strong>. {_PROTOCOLS.get(protocol, '')}</p>",
        *(_section(name, _table(tables[name]), (about or {}).get(name, "")) for name in first),
        *(
            _section(name, _figure(name, svg, number))
            for number, (name, svg) in enumerate(figures.items(), start=1)
        ),
        *(_folded(name, _table(tables[name])) for name in tables if name not in first),
        *([_folded("notes", _list(notes))] if notes else []),
    ]
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n"
        + "\n".join(parts)
        + "\n</body>\n</html>\n"
    )


def _section(name: str, content: str, about: str = "") -> str:
    words = f"<p>{escape(about)}</p>\n" if about else ""
    return f"<section>\n<h2>{escape(name)}</h2>\n{words}{content}\n</section>"


def _folded(name: str, content: str) -> str:
    return f"<details>\n<summary>{escape(name)}</summary>\n{content}\n</details>"


def _list(lines: list[str]) -> str:
    return "<ul>\n" + "\n".join(f"<li>{escape(line)}</li>" for line in lines) + "\n</ul>"


def _table(table: pd.DataFrame) -> str:
    cells = as_cells(table)
    kinds = [' class="number"' if is_number(column) else "" for _, column in table.items()]
    head = "".join(
        f"<th{kind}>{escape(name)}</th>" for name, kind in zip(cells.columns, kinds, strict=True)
    )
    lines = [
        "".join(f"<td{kind}>{escape(cell)}</td>" for cell, kind in zip(line, kinds, strict=True))
        for line in cells.itertuples(index=False)
    ]
    body = "\n".join(f"<tr>{line}</tr>" for line in lines)
    return (
        f'<div class="wide"><table>\n<thead><tr>{head}</tr></thead>\n'
        f"<tbody>\n{body}\n</tbody>\n</table></div>"
    )


def _figure(name: str, svg: str, number: int) -> str:
    inline = svg[svg.index("<svg") :]
    # Figures share ids such as `axes_1`; a prefix keeps each reference inside its own figure.
    inline = re.sub(r'\bid="', f'id="f{number}-', inline)
    inline = re.sub(r'(href="|url\()#', rf"\1#f{number}-", inline)
    label = escape(name, quote=True)
    return f'<figure role="img" aria-label="{label}">\n{inline}</figure>'
