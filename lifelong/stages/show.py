"""A finished experiment in words: its summary, the goals it missed, and where its report is."""

from pathlib import Path

import pandas as pd

from lifelong.plan.errors import UserError
from lifelong.records import tables


def show(folder: Path) -> str:
    """The text. Raises UserError where there are no tables."""
    path = folder / "tables" / "summary.csv"
    if not path.is_file():
        raise UserError(f"{folder} has no tables/summary.csv: name a folder like results/digits")
    summary = pd.read_csv(path).astype({"goals_met": "Int64"})
    goals = pd.read_csv(folder / "tables" / "goals.csv")
    missed = goals[goals["met"].astype(str) == "False"]
    lines = [tables.as_text(summary), ""]
    for goal in missed.to_dict("records"):
        lines.append(
            f"{goal['method']} missed its goal on {goal['task']}: "
            f"{100 * goal['accuracy']:.1f} instead of {100 * goal['goal']:.1f} %"
        )
    return "\n".join([*lines, f"report: {folder / 'report' / 'index.html'}"])
