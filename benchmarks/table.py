"""Rows of a benchmark: a plain table for people, a CSV for the record."""

import argparse
import csv
import math
import os
import platform
from importlib.metadata import version
from pathlib import Path
from typing import Any

Row = dict[str, Any]
RESULTS = Path(__file__).parent / "results"


def arguments(doc: str | None) -> argparse.ArgumentParser:
    """The options all benchmarks have."""
    parser = argparse.ArgumentParser(
        description=doc, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="toy size, to see that it runs")
    parser.add_argument("--out", type=Path, default=RESULTS, help="folder of the CSV")
    return parser


def machine() -> Row:
    """What a number depends on; `load` is the 1-minute load average, other programs included."""
    return {
        "cpu": _cpu(),
        "cores": os.cpu_count(),
        "load": round(os.getloadavg()[0], 2),
        "python": platform.python_version(),
        "torch": version("torch"),
    }


def figure(value: float, decimals: int) -> float:
    """`value` to `decimals` decimals, and to more where fewer than two digits would be left of it.

    A fast machine's 0.02 s must not become 0.0: nobody could divide by it.
    """
    leading = math.floor(math.log10(abs(value))) if value else 0
    return round(value, max(decimals, 1 - leading))


def publish(name: str, rows: list[Row], facts: Row, out: Path) -> None:
    """Print the rows below the facts they share, and write both to `out`/`name`.csv."""
    print(", ".join(f"{key} {value}" for key, value in facts.items()))
    print(as_text(rows))
    out.mkdir(parents=True, exist_ok=True)
    with (out / f"{name}.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, [*rows[0], *facts], lineterminator="\n")
        writer.writeheader()
        writer.writerows({**row, **facts} for row in rows)


def as_text(rows: list[Row]) -> str:
    """Columns as wide as their widest cell, numbers to the right."""
    names = list(rows[0])
    cells = [names, *([_cell(row[name]) for name in names] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    numeric = [all(not isinstance(row[name], str) or not row[name] for row in rows)
               for name in names]  # fmt: skip
    lines = []
    for line in cells:
        parts = zip(line, widths, numeric, strict=True)
        lines.append("  ".join(c.rjust(w) if n else c.ljust(w) for c, w, n in parts).rstrip())
    return "\n".join(lines)


def _cell(value: Any) -> str:
    return str(value)


def _cpu() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.is_file() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()
