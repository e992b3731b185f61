"""All wrong inputs by category, and their page: `python tests/bad_input/tables.py`."""

import sys
from pathlib import Path

if __name__ == "__main__":  # as a script only its own folder is on the path
    sys.path.insert(0, str(Path(__file__).parents[1]))

from bad_input import (
    command_cases,
    config_cases,
    ground_cases,
    image_cases,
    joint_cases,
    layer_cases,
    result_cases,
)
from bad_input.case import Case

PAGE = Path(__file__).parents[2] / "docs" / "errors.md"
TABLES: dict[str, list[Case]] = {
    "Configuration": config_cases.CASES,
    "Methods that share layers": layer_cases.CASES,
    "Tasks learned together": joint_cases.CASES,
    "Pretrained weights": ground_cases.CASES,
    "Images": image_cases.CASES,
    "Files under results/": result_cases.CASES,
    "Command line": command_cases.CASES,
}
_HEAD = """# What went wrong, and what to do

Every message is one line on stderr, after `Error: `. The exit code is 1, or 2 where an option
cannot be read. Nothing is written then and no other file is touched; a stage that was asked for by
name counts as undone. `…` stands for whatever the case brings: a path, a list, a system's words.
Snakemake shows the same lines, but reads a configuration file itself first: what is wrong with the
file as such it says in its own words.

Where a file under `results/` is missing or damaged, the message ends with the commands that make it
again, to be typed as they stand: `…; make it again: rm FILE && snakemake --cores 2 --configfile …`.

This page is made from the tests' cases by `python tests/bad_input/tables.py`.
"""
_COLUMNS = "| what is wrong | message | what to do |\n| --- | --- | --- |"


def page() -> str:
    """The page as Markdown."""
    parts = [_HEAD]
    for category, cases in TABLES.items():
        parts.append(
            f"## {category}\n\n| what is wrong | message | what to do |\n| --- | --- | --- |"
        )
        parts += [
            f"| {_cell(case.wrong)} | `{_cell(case.says)}` | {_cell(case.do)} |" for case in cases
        ]
        parts.append("")
    return "\n".join(parts)


def _cell(text: str) -> str:
    shown = text if len(text) < 300 else f"{text[:200]}…"
    return shown.replace("|", r"\|").replace("<", "&lt;")


if __name__ == "__main__":
    PAGE.write_text(page())
