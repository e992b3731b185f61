"""config.yaml in, a checked and completed configuration out; every mistake is one ConfigError."""

import copy
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from lifelong.plan.checks import check_methods, check_settings
from lifelong.plan.datasets import check_tasks
from lifelong.plan.reading import check_plain, read
from lifelong.plan.schema import validated
from lifelong.plan.settings import merge, method_defaults


def load(paths: Iterable[Path]) -> dict[str, Any]:
    """Read YAML files, later ones over earlier as with Snakemake's --configfile; then check."""
    config: dict[str, Any] = {}
    for path in paths:
        config = merge(config, read(path))
    return check(config)


def check(config: Mapping[str, Any]) -> dict[str, Any]:
    """Validate against the schema, fill in defaults, check what a schema cannot say."""
    check_plain(config)
    given = copy.deepcopy(dict(config))
    given.pop("pathvars", None)  # Snakemake's own
    full = validated(given)
    full["method_settings"] = merge(method_defaults(), full["method_settings"])
    check_methods(full)
    check_tasks(full)
    check_settings(full)
    return full
