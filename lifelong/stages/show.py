"""A finished experiment in words: its summary, the goals it missed, and where its report is."""

from pathlib import Path

import pandas as pd

from lifelong.plan.errors import DamagedFile, UserError
from lifelong.records import tables


def show(folder: Path) -> str:
    """The text. Raises UserError where there are no tables, DamagedFile where they are not ours."""
    path = folder / "tables" / "summary.csv"
    if not path.is_file():
        raise UserError(f"{folder} has no tables/summary.csv: name a folder like results/digits")
    try:
        summary = pd.read_csv(path).astype({"goals_met": "Int64"})
        goals = pd.read_csv(path.with_name("goals.csv"))
        lines = [tables.as_text(summary), "", *_missed(goals)]
    except (KeyError, TypeError, ValueError) as error:  # pandas' own errors are ValueErrors
        raise DamagedFile(f"{path.parent} holds other tables: delete it and run again") from error
    return "\n".join([*lines, f"report: {folder / 'report' / 'index.html'}"])


def _missed(goals: pd.DataFrame) -> list[str]:
    return [
        f"{goal['method']} missed its goal on {goal['task']}: "
        f"{100 * goal['accuracy']:.1f} instead of {100 * goal['goal']:.1f} %"
        for goal in goals[goals["met"].astype(str) == "False"].to_dict("records")
    ]
