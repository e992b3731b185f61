"""Rows of the tables and the code they name: our own, and those that installed packages offer.

An entry point of one of the groups `lifelong.methods`, `lifelong.networks` and `lifelong.sources`
names a row or a list of rows. Configuration only chooses among rows; it never names code.
"""

import importlib
import importlib.metadata
from collections import UserDict
from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import Any, Protocol, TypeVar

from lifelong.plan.errors import UserError


class _Named(Protocol):
    @property
    def name(self) -> str: ...


_Row = TypeVar("_Row", bound=_Named)


def load(name: str) -> Any:
    """The object that "package.module:object" names, or a module; imported when first asked for."""
    module, _, attribute = name.partition(":")
    try:
        imported = importlib.import_module(module)
        return getattr(imported, attribute) if attribute else imported
    except (ImportError, AttributeError) as error:
        raise UserError(
            f"{name} cannot be imported: {error}; mend or remove its package"
        ) from error


class Table(UserDict[str, _Row]):
    """Our own rows and those of installed packages, by name.

    Packages are asked when somebody first looks, not when the table is made: their modules import
    the class of its rows, and may do so before anybody else. Looking raises UserError, naming the
    package, where a row cannot be imported, is of another kind or has a name that is taken.
    """

    def __init__(self, group: str, own: Iterable[_Row]) -> None:
        self._group, self._own = group, tuple(own)

    @cached_property
    def data(self) -> dict[str, _Row]:  # type: ignore[override]  # UserDict's attribute
        return _all_rows(self._group, self._own)


def _all_rows(group: str, own: Iterable[_Row]) -> dict[str, _Row]:
    rows = {row.name: row for row in own}
    form = type(next(iter(rows.values())))
    for entry in sorted(importlib.metadata.entry_points(group=group), key=lambda one: one.name):
        package = entry.dist.name if entry.dist else entry.value
        for row in _rows_of(entry, package):
            if not isinstance(row, form):
                raise UserError(f"{entry.value} is no row of {group}: uninstall package {package}")
            if row.name in rows:
                raise UserError(
                    f"package {package} offers {row.name!r} as one of {group}, which exists "
                    "already: uninstall that package"
                )
            rows[row.name] = row
    return rows


def _rows_of(entry: importlib.metadata.EntryPoint, package: str) -> Sequence[Any]:
    try:
        rows = load(entry.value)
    except UserError as error:
        raise UserError(f"package {package}: {error}") from error
    return rows if isinstance(rows, list | tuple) else [rows]
