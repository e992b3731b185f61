"""Rows of a table come from us and from installed packages, and name code that is found late."""

import importlib.metadata
import math
import subprocess
import sys
from dataclasses import dataclass
from types import SimpleNamespace

import pytest

from lifelong.plan.code import Table, load
from lifelong.plan.errors import UserError

GROUP = "lifelong.trees"


@dataclass(frozen=True)
class Tree:
    name: str
    height: int = 1


OWN = [Tree("oak", 30), Tree("elm", 20)]
PINE = Tree("pine", 40)
OTHERS = [Tree("ash"), Tree("fir")]
SECOND_OAK = Tree("oak", 3)
STONE = SimpleNamespace(name="stone")


@pytest.fixture
def offer(monkeypatch):
    """Lets installed packages offer objects of this file; the list it returns counts look-ups."""

    def offered(**objects):
        module, asked = SimpleNamespace(**objects), []
        monkeypatch.setitem(sys.modules, "trees_of_a_package", module)
        names = [*objects, *(["gone"] if not objects else [])]
        found = [
            importlib.metadata.EntryPoint(name, f"trees_of_a_package:{name}", GROUP)
            for name in names
        ]

        def entry_points(group):
            asked.append(group)
            return found if group == GROUP else []

        monkeypatch.setattr(importlib.metadata, "entry_points", entry_points)
        return asked

    return offered


def test_code_is_named_by_module_and_object():
    assert load("math:tau") == math.tau
    assert load("math") is math


@pytest.mark.parametrize(
    ("name", "cause"),
    [("no_such_package.rows:ROW", "No module named"), ("math:cube", "no attribute 'cube'")],
)
def test_code_that_is_not_there_is_named_with_the_cause(name, cause):
    with pytest.raises(UserError, match=cause) as error:
        load(name)
    assert str(error.value).startswith(f"{name} cannot be imported")


def test_without_packages_a_table_is_our_own_rows(offer):
    asked = offer(x=[])
    assert dict(Table(GROUP, OWN)) == {"oak": Tree("oak", 30), "elm": Tree("elm", 20)}
    assert asked == [GROUP]


def test_packages_add_a_row_or_a_list_of_rows_after_ours(offer):
    asked = offer(pine=PINE, others=OTHERS)
    rows = Table(GROUP, OWN)
    assert asked == []  # nobody has looked yet
    assert list(rows) == ["oak", "elm", "ash", "fir", "pine"]  # packages by name of entry point
    assert rows["pine"] is PINE
    assert asked == [GROUP]


def test_a_name_that_is_taken_is_refused_and_the_package_named(offer):
    offer(second=SECOND_OAK)
    with pytest.raises(UserError, match=r"second offers 'oak' .* uninstall that package"):
        dict(Table(GROUP, OWN))


def test_two_packages_cannot_offer_one_name(offer):
    offer(first=PINE, second=[Tree("pine", 2)])
    with pytest.raises(UserError, match="second offers 'pine'"):
        dict(Table(GROUP, OWN))


def test_what_is_no_row_of_the_table_is_refused(offer):
    offer(stone=STONE)
    with pytest.raises(UserError, match=r"package:stone is no row of lifelong\.trees: uninstall"):
        dict(Table(GROUP, OWN))


def test_a_row_that_cannot_be_imported_is_named_with_its_package(offer):
    offer()
    with pytest.raises(UserError, match=r"^package .*trees_of_a_package:gone cannot be imported"):
        dict(Table(GROUP, OWN))


@pytest.mark.parametrize("first", ["lifelong.plan.config", "toy_nets"])
def test_a_network_of_an_installed_package_is_in_the_table(tmp_path, first):
    """A real package on the path, in a fresh process, whichever of us is imported first."""
    info = tmp_path / "toy_nets-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: toy-nets\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[lifelong.networks]\ntoy = toy_nets:ROW\n")
    (tmp_path / "toy_nets.py").write_text(
        "from lifelong.plan.networks import Network\n"
        'ROW = Network("toy_net", builder="toy_nets:missing", smallest=6)\n'
    )
    script = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "__import__(sys.argv[2])\n"
        "from lifelong.plan.networks import NETWORKS, misfit\n"
        "from lifelong.plan.schema import schema\n"
        "print(list(NETWORKS)[-1], misfit('toy_net', 5), 'torch' in sys.modules)\n"
        "print('toy_net' in schema()['properties']['network']['properties']['name']['enum'])\n"
    )
    command = [sys.executable, "-c", script, str(tmp_path), first]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.stdout.splitlines() == [
        "toy_net toy_net needs images of at least 6x6 pixels, not 5 False",
        "True",
    ], done.stderr
