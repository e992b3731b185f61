"""What the pages say of the tables of this package, and quote from it, is as it is there."""

import ast
import re
import textwrap
from pathlib import Path

import pytest

from lifelong.plan.methods import METHODS
from lifelong.plan.networks import NETWORKS, TORCHVISION
from lifelong.plan.sources import SOURCES
from lifelong.records.rows import COLUMNS
from lifelong.records.tables import as_text, read_table

TREE = Path(__file__).parents[2]
MOST_LINES = 120  # of the README
EXAMPLE = TREE / "tests" / "workflow" / "test_package.py"


def words(page: str) -> set[str]:
    """All names in backticks."""
    return set(re.findall(r"`([^`\s]+)`", (TREE / "docs" / page).read_text()))


@pytest.mark.parametrize(
    ("page", "names"),
    [
        ("methods.md", METHODS),
        ("networks.md", [name.removeprefix(TORCHVISION) for name in NETWORKS]),
        ("data.md", SOURCES),
        ("files.md", COLUMNS),
    ],
)
def test_a_page_names_all_rows_of_its_table(page, names):
    named = {word.removeprefix(TORCHVISION) for word in words(page)}
    assert set(names) <= named


@pytest.mark.parametrize(
    ("page", "name"),
    [
        ("README.md", "digits"),
        ("docs/measured.md", "digits"),
        ("docs/measured.md", "cifar100_5_quick"),
        ("docs/measured.md", "photographs_quick"),
    ],
)
def test_a_table_that_is_shown_is_that_of_the_run_that_is_kept(page, name):
    summary = read_table(TREE / "docs" / "measured" / f"{name}_summary.csv")
    first = summary[summary["seed"] == 0].astype({"goals_met": "Int64"})
    assert textwrap.indent(as_text(first), "    ") in (TREE / page).read_text()


def test_the_readme_is_short():
    assert len((TREE / "README.md").read_text().splitlines()) <= MOST_LINES


def test_links_between_the_readme_and_the_pages_lead_somewhere():
    for link in re.findall(r"\]\(([^)#]+)\)", (TREE / "README.md").read_text()):
        assert link.startswith("https://") or (TREE / link).is_file(), link


@pytest.mark.parametrize("name", ["PROJECT", "ROWS", "CODE"])
def test_the_package_that_is_shown_is_the_one_that_tests_install(name):
    texts = {
        node.targets[0].id: ast.literal_eval(node.value)
        for node in ast.parse(EXAMPLE.read_text()).body
        if isinstance(node, ast.Assign)
        and isinstance(node.targets[0], ast.Name)
        and isinstance(node.value, ast.Constant)
    }
    page = (TREE / "docs" / "extending.md").read_text()
    assert f"\n{texts[name].strip()}\n```" in page


@pytest.mark.parametrize("page", ["README.md", "docs/use.md"])
def test_python_that_is_shown_is_python(page):
    blocks = re.findall(r"(?:^    .*\n)+", (TREE / page).read_text(), re.MULTILINE)
    shown = [block.replace("\n    ", "\n")[4:] for block in blocks if "import " in block]
    assert shown
    for text in shown:
        ast.parse(text)
