"""The CSV of published accuracies: checked before hours of training, not after."""

import csv
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from lifelong.plan.draws import CORRECT
from lifelong.plan.errors import ConfigError
from lifelong.plan.reading import read
from lifelong.plan.settings import row_of

_PERCENT = re.compile(r"100(\.0*)?|\d{1,2}(\.\d*)?", re.ASCII)
_NEEDED = ("method", "task", "accuracy_percent")


def beside_its_file(config: Mapping[str, Any], files: Iterable[Path]) -> dict[str, Any]:
    """The configuration with `published` as a path from the working folder.

    It is looked for beside the newest of the configuration's `files` that names it, so that an
    experiment and its numbers can lie anywhere; if it is not there, from the working folder.
    """
    path = config["published"]
    for file in reversed([file for file in map(Path, files) if file.is_file()]):
        if path is not None and read(file).get("published") == path:
            beside = file.absolute().parent / path
            if beside.is_file():
                near = beside.is_relative_to(Path.cwd())
                path = (beside.relative_to(Path.cwd()) if near else beside).as_posix()
            break
    return {**config, "published": path}


def check_published(config: Mapping[str, Any]) -> None:
    """Raise ConfigError where the file that `published` names cannot be printed beside ours."""
    path = config["published"]
    if path is None:
        return
    lines = _lines_of(path)
    _check_pixel_order(config, lines)
    methods = dict.fromkeys(line["method"] for line in lines)
    for name, variant in config["variants"].items():
        if "published" in variant and variant["published"] not in methods:
            raise _missing(f"variants.{name}.published", path, variant["published"], methods)
    chosen = config["published_cpg_row"]
    for name in config["methods"]:
        row = row_of(config, name)
        undecided = "published" not in config["variants"].get(name, {})  # or it says so itself
        theirs = [one for one in methods if one.casefold().startswith(row.name)]
        if undecided and chosen in row.published and theirs and chosen not in theirs:
            raise _missing("published_cpg_row", path, chosen, methods)


def _lines_of(path: str) -> list[dict[str, str]]:
    """The lines of the file, each a number for one task of one method."""
    try:
        with open(path, encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file, strict=True)
            missing = [name for name in _NEEDED if name not in (reader.fieldnames or ())]
            if missing:
                raise _wrong(path, f"has no column {missing[0]!r}: add it")
            lines, seen = [], set[tuple[str, ...]]()
            for line in reader:
                _check_line(line, seen, f"{path}, line {reader.line_num}:")
                lines.append(line)
    except OSError as error:
        raise _wrong(path, f"cannot be read: {error.strerror}") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise _wrong(path, f"is not a CSV file in UTF-8: {error}") from error
    return lines


def _check_line(line: Mapping[str, str], seen: set[tuple[str, ...]], place: str) -> None:
    percent, tasks = line["accuracy_percent"], line.get("tasks", "1")
    if not _PERCENT.fullmatch((percent or "").strip()):
        raise ConfigError(f"config key published: {place} {percent!r} is no percentage")
    if not (tasks or "").isdecimal():
        raise ConfigError(f"config key published: {place} {tasks!r} is no number of tasks")
    key = (line["method"], line["task"], tasks)
    if key in seen:
        raise ConfigError(f"config key published: {place} {key[0]} on {key[1]} is there twice")
    seen.add(key)


def _check_pixel_order(config: Mapping[str, Any], lines: Iterable[Mapping[str, str]]) -> None:
    theirs = {line["pixel_order"] for line in lines if line.get("pixel_order")}
    ours = {str(one.get("pixel_order", CORRECT)) for one in config["datasets"].values()}
    if theirs and theirs != ours:
        raise _wrong(
            config["published"],
            f"is about pixel_order {', '.join(theirs)}, and datasets have {', '.join(ours)}: "
            "its numbers cannot stand beside these; remove published",
        )


def _wrong(path: str, what: str) -> ConfigError:
    return ConfigError(f"config key published: {path} {what}")


def _missing(key: str, path: str, row: str, methods: Iterable[str]) -> ConfigError:
    return ConfigError(
        f"config key {key}: {Path(path)} has no method {row!r}; it has {', '.join(methods)}"
    )
