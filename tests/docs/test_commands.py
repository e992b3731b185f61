"""Every command that README and docs print can be typed as it stands: its program's own reader
reads it, and the files, targets and results that it names are there or made by it.
"""

import re
import shlex
from argparse import Namespace
from pathlib import Path

import pytest
import yaml
from documented import TREE, commands
from snakemake.cli import get_argument_parser

from lifelong import cli
from lifelong.plan.config import load
from lifelong.plan.paths import place_of
from lifelong.plan.plan import Plan

PAGES = [TREE / "README.md", *sorted((TREE / "docs").glob("*.md"))]
MADE_BY_INIT = "photos.yaml"


CASES = [(page.name, line) for page in PAGES for line in commands(page)]


@pytest.mark.parametrize(("page", "line"), CASES, ids=[line for _, line in CASES])
def test_a_command_can_be_typed(page: str, line: str, monkeypatch, capsys) -> None:
    monkeypatch.chdir(TREE)
    program, *words = shlex.split(line.partition(" > ")[0], comments=True)
    {
        "snakemake": _snakemake,
        "lifelong": _lifelong,
        "make": _make,
        "pip": _pip,
        "python": _python,
    }[program](words)


def test_there_are_commands_to_look_at() -> None:
    assert len(CASES) > 20
    assert {line.split()[0] for _, line in CASES} >= {"snakemake", "lifelong", "make"}


def _snakemake(words: list[str]) -> None:
    options: Namespace = get_argument_parser().parse_args(words)
    files = [Path(file) for file in options.configfile or []]
    for file in files:
        assert file.is_file() or file.name == MADE_BY_INIT, f"{file} is not there"
    plan = Plan(load([TREE / "config.yaml", *(file for file in files if file.is_file())]))
    for target in map(str, [*options.targets, *(options.forcerun or [])]):
        place = place_of(target)
        assert place is not None, target
        assert place.experiment == plan.config["experiment"]
        assert place.slug in plan.folders and place.method in plan.methods
        assert place.kind in plan.row(place.method).stages


def _lifelong(words: list[str]) -> None:
    """Its own reader takes the words; names of results are those of experiments that are here."""
    cli._parser().parse_args(words)
    known = {path.stem for path in (TREE / "experiments").glob("*.yaml")}
    known |= {yaml.safe_load((TREE / "config.yaml").read_text())["experiment"], "photos"}
    for word in words:
        if word.startswith("results/"):
            assert word.split("/")[1] in known, word


def _make(words: list[str]) -> None:
    targets = re.findall(r"^([\w-]+):", (TREE / "Makefile").read_text(), re.MULTILINE)
    assert set(words) <= set(targets)


def _pip(words: list[str]) -> None:
    for extras in re.findall(r"\[([\w,-]+)\]", " ".join(words)):
        text = (TREE / "pyproject.toml").read_text()
        assert all(re.search(rf"^{one} = \[", text, re.MULTILINE) for one in extras.split(","))


def _python(words: list[str]) -> None:
    if words[0] != "-c":
        assert (TREE / words[0]).is_file()
