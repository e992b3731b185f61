"""config.yaml in, a checked and completed configuration out; every mistake is one ConfigError."""

import contextlib
import copy
import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import jsonschema
import yaml

from lifelong.plan.errors import ConfigError
from lifelong.plan.methods import METHOD_DEFAULTS, SHAPES
from lifelong.plan.networks import misfit

MAX_TASKS = 254  # owners are uint8, 0 is free and 255 is kept back
SECTIONS = ("network", "goals", "expand", "recipe", "baseline", "train", "prune", "retrain")
_SCHEMA = Path(__file__).parents[2] / "schemas" / "config.schema.yaml"


def load(paths: Iterable[Path]) -> dict[str, Any]:
    """Read YAML files, later ones over earlier as with Snakemake's --configfile; then check."""
    config: dict[str, Any] = {}
    for path in paths:
        config = merge(config, read(path))
    return check(config)


def read(path: Path) -> dict[str, Any]:
    """One YAML file as a mapping. Raises ConfigError naming the file and line."""
    try:
        content = yaml.safe_load(Path(path).read_text())
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is not valid YAML: {' '.join(str(error).split())}") from error
    if not isinstance(content, dict):
        raise ConfigError(f"{path} must be a mapping of keys to values")
    return content


def merge(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """`over` wins; mappings are merged key by key, anything else is replaced."""
    merged = dict(base)
    for key, value in over.items():
        both = isinstance(value, Mapping) and isinstance(merged.get(key), Mapping)
        merged[key] = merge(merged[key], value) if both else copy.deepcopy(value)
    return merged


def check(config: Mapping[str, Any]) -> dict[str, Any]:
    """Validate against the schema, fill in defaults, check what a schema cannot say."""
    schema = yaml.safe_load(_SCHEMA.read_text())
    given = copy.deepcopy(dict(config))
    given.pop("pathvars", None)  # Snakemake's own
    _check_plain(given, ())
    errors = jsonschema.Draft202012Validator(schema).iter_errors(given)
    worst = jsonschema.exceptions.best_match(errors)
    if worst is not None:
        raise ConfigError(_sentence(worst))
    full = _filled(given, schema)
    full["method_settings"] = merge(METHOD_DEFAULTS, full["method_settings"])
    _check_tasks(full)
    _check_goals(full)
    _check_prune(full)
    return full


def settings(config: Mapping[str, Any], method: str) -> dict[str, Any]:
    """The sections of the configuration as one method sees them."""
    common = {section: config[section] for section in SECTIONS}
    return merge(common, config["method_settings"].get(method, {}))


def _filled(config: Mapping[str, Any], schema: Mapping[str, Any]) -> dict[str, Any]:
    """Defaults of the schema, down through nested objects; method_settings stay sparse."""
    full = dict(config)
    for key, part in schema.get("properties", {}).items():
        if key not in full and "default" in part:
            full[key] = copy.deepcopy(part["default"])
        if key in full and "properties" in part and key != "method_settings":
            full[key] = _filled(full[key], part)
    datasets = schema.get("properties", {}).get("datasets")
    if datasets:
        each = datasets["additionalProperties"]
        full["datasets"] = {name: _filled(one, each) for name, one in full["datasets"].items()}
    return full


def _sentence(error: jsonschema.ValidationError) -> str:
    where = ".".join(str(part) for part in error.absolute_path)
    hint = ""
    if isinstance(error.instance, str) and error.validator == "type":
        with contextlib.suppress(ValueError):
            hint = f"; write {float(error.instance):.1e} so that YAML reads a number"
    return f"config key {where}: {error.message}{hint}" if where else f"config: {error.message}"


def _check_plain(value: Any, path: tuple[str, ...]) -> None:
    """Keys are texts and numbers finite, which a schema takes for granted."""
    where = ".".join(path)
    if isinstance(value, float) and not math.isfinite(value):
        raise ConfigError(f"config key {where}: {value} is no number to compute with")
    if isinstance(value, Mapping):
        for key, inner in value.items():
            if not isinstance(key, str):
                raise ConfigError(f"config key {where}: put {key!r} in quotes, keys are texts")
            _check_plain(inner, (*path, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            _check_plain(inner, (*path, str(index)))


def _check_tasks(config: dict[str, Any]) -> None:
    tasks, datasets = config["tasks"], config["datasets"]
    names = [task["name"] for task in tasks]
    for name in names:
        if names.count(name) > 1:
            raise ConfigError(f"config key tasks: task {name!r} is listed twice")
    if len(tasks) > MAX_TASKS:
        raise ConfigError(
            f"config key tasks: {len(tasks)} tasks, but one network holds at most {MAX_TASKS}"
        )
    for task in tasks:
        task.setdefault("dataset", next(iter(datasets)) if len(datasets) == 1 else None)
        if task["dataset"] not in datasets:
            raise ConfigError(
                f"config key tasks: task {task['name']!r} needs a dataset out of "
                f"{', '.join(sorted(datasets))}, not {task['dataset']!r}"
            )
        _check_task(task, datasets[task["dataset"]])
    _check_sources(config)


def _check_task(task: dict[str, Any], dataset: Mapping[str, Any]) -> None:
    if "classes" in task:
        task["classes"] = [str(name) for name in task["classes"]]
        if len(set(task["classes"])) < len(task["classes"]):
            raise ConfigError(f"config key tasks: task {task['name']!r} lists a class twice")
    if ("mean" in task) != ("std" in task):
        raise ConfigError(f"config key tasks: task {task['name']!r} needs both mean and std")
    for key in ("mean", "std"):
        if len(task.get(key, [0] * dataset["channels"])) != dataset["channels"]:
            raise ConfigError(
                f"config key tasks: {key} of task {task['name']!r} needs "
                f"{dataset['channels']} numbers, one a channel"
            )
    if dataset["source"] == "digits" and ("classes" not in task or "group" in task):
        raise ConfigError(
            f"config key tasks: task {task['name']!r} of digits needs its classes, and no group"
        )


def _check_sources(config: Mapping[str, Any]) -> None:
    used = {task["dataset"] for task in config["tasks"]}
    shapes = set()
    for name in sorted(used):
        dataset = config["datasets"][name]
        if dataset["source"] != "digits" and not dataset["root"]:
            raise ConfigError(f"config key datasets.{name}.root: say where the images lie")
        if dataset["source"] == "image_folder" and not dataset["image_size"]:
            raise ConfigError(f"config key datasets.{name}.image_size: pictures need one size")
        if dataset["source"] == "digits" and dataset["channels"] != 1:
            raise ConfigError(f"config key datasets.{name}.channels: digits are grey, use 1")
        if dataset["source"].startswith("cifar100") and dataset["channels"] != 3:
            raise ConfigError(f"config key datasets.{name}.channels: CIFAR-100 has 3")
        side = 8 if dataset["source"] == "digits" else 32
        wrong = misfit(config["network"]["name"], dataset["image_size"] or side)
        if wrong:
            raise ConfigError(f"config key network.name: {wrong} (dataset {name})")
        shapes.add(dataset["channels"])
    if len(shapes) > 1:
        raise ConfigError("config key datasets: all tasks of one network need the same channels")


def _check_goals(config: Mapping[str, Any]) -> None:
    names = {task["name"] for task in config["tasks"]}
    for method in config["methods"]:
        goals = settings(config, method)["goals"]
        unknown = sorted(set(goals["given"]) - names)
        if unknown:
            raise ConfigError(f"config key goals.given: there is no task {unknown[0]!r}")
        if SHAPES[method].has_goal and goals["policy"] == "given":
            missing = sorted(names - set(goals["given"]))
            if missing:
                raise ConfigError(f"config key goals.given: no goal for task {missing[0]!r}")


def _check_prune(config: Mapping[str, Any]) -> None:
    for method in config["methods"]:
        prune = settings(config, method)["prune"]
        if prune["ratios"] != sorted(prune["ratios"]):
            raise ConfigError(f"config key prune.ratios ({method}): give them in rising order")
        for task in config["tasks"]:
            ratio = task.get("ratio", 0.0)
            if SHAPES[method].has_goal and ratio and ratio not in prune["ratios"]:
                raise ConfigError(
                    f"config key tasks: ratio {ratio} of task {task['name']!r} is not a rung "
                    f"of prune.ratios ({method}): {prune['ratios']}"
                )
