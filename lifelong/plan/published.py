"""The CSV of published accuracies: checked before hours of training, not after."""

import csv
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from lifelong.plan.draws import CORRECT
from lifelong.plan.errors import ConfigError
from lifelong.plan.reading import read
from lifelong.plan.settings import row_of

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
    path, row = config["published"], config["published_cpg_row"]
    if path is None:
        return
    wrong = f"config key published: {path}"
    try:
        with open(path, encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file, strict=True)
            missing = [name for name in _NEEDED if name not in (reader.fieldnames or ())]
            if missing:
                raise ConfigError(f"{wrong} has no column {missing[0]!r}: add it")
            lines = [(reader.line_num, line) for line in reader]
    except OSError as error:
        raise ConfigError(f"{wrong} cannot be read: {error.strerror}") from error
    except (ValueError, csv.Error) as error:
        raise ConfigError(f"{wrong} is not a CSV file in UTF-8: {error}") from error
    _check_lines(lines, wrong)
    methods = dict.fromkeys(line["method"] for _, line in lines)
    _check_variants(config, methods, wrong)
    scrambled = {line["pixel_order"] for _, line in lines if line.get("pixel_order")}
    seen = {str(one.get("pixel_order", CORRECT)) for one in config["datasets"].values()}
    if scrambled and scrambled != seen:
        raise ConfigError(
            f"{wrong} is about pixel_order {', '.join(scrambled)}, and datasets have "
            f"{', '.join(seen)}: its numbers cannot stand beside these; remove published"
        )
    undecided = [  # a variant may say itself which row it stands beside
        one for one in config["methods"] if "published" not in config["variants"].get(one, {})
    ]
    if row not in methods and any(row in row_of(config, one).published for one in undecided):
        raise ConfigError(
            f"config key published_cpg_row: {Path(path)} has no method {row!r}; "
            f"it has {', '.join(methods)}"
        )


def _check_variants(config: Mapping[str, Any], methods: Mapping[str, None], wrong: str) -> None:
    for name, variant in config["variants"].items():
        if variant.get("published", next(iter(methods))) not in methods:
            raise ConfigError(
                f"config key variants.{name}.published: {wrong.rpartition(': ')[2]} has no method "
                f"{variant['published']!r}; it has {', '.join(methods)}"
            )


def _check_lines(lines: list[tuple[int, dict[str, str]]], wrong: str) -> None:
    seen = set()
    for number, line in lines:
        try:
            float(line["accuracy_percent"])
        except (TypeError, ValueError):
            raise ConfigError(
                f"{wrong}, line {number}: {line['accuracy_percent']!r} is no percentage"
            ) from None
        if (key := (line["method"], line["task"])) in seen:
            raise ConfigError(f"{wrong}, line {number}: {key[0]} on {key[1]} is there twice")
        seen.add(key)
