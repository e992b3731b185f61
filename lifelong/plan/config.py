"""config.yaml in, a checked and completed configuration out; every mistake is one ConfigError."""

import contextlib
import copy
import difflib
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import jsonschema
import yaml

from lifelong.plan.checks import check_methods, check_settings
from lifelong.plan.class_names import STL10_SIDE, check_classes
from lifelong.plan.crops import check_crop, seen_side
from lifelong.plan.draws import check_drawn, check_images
from lifelong.plan.errors import ConfigError
from lifelong.plan.faces import FACE_SOURCES, check_face_set, check_pairs, side_of
from lifelong.plan.losses import check_loss
from lifelong.plan.methods import MOST_TASKS
from lifelong.plan.networks import misfit
from lifelong.plan.reading import check_plain, read
from lifelong.plan.settings import merge, method_defaults, settings

_DIGITS = {str(digit) for digit in range(10)}
_Validator = jsonschema.validators.extend(  # 10.0 epochs would pass as an integer
    jsonschema.Draft202012Validator,
    type_checker=jsonschema.Draft202012Validator.TYPE_CHECKER.redefine(
        "integer", lambda _, value: isinstance(value, int) and not isinstance(value, bool)
    ),
)
_SCHEMA = Path(__file__).parents[2] / "schemas" / "config.schema.yaml"


def load(paths: Iterable[Path]) -> dict[str, Any]:
    """Read YAML files, later ones over earlier as with Snakemake's --configfile; then check."""
    config: dict[str, Any] = {}
    for path in paths:
        config = merge(config, read(path))
    return check(config)


def check(config: Mapping[str, Any]) -> dict[str, Any]:
    """Validate against the schema, fill in defaults, check what a schema cannot say."""
    schema = yaml.safe_load(_SCHEMA.read_text())
    check_plain(config)
    given = copy.deepcopy(dict(config))
    given.pop("pathvars", None)  # Snakemake's own
    errors = _Validator(schema).iter_errors(given)
    worst = jsonschema.exceptions.best_match(errors)
    if worst is not None:
        raise ConfigError(_sentence(worst))
    full = _filled(given, schema)
    full["method_settings"] = merge(method_defaults(), full["method_settings"])
    check_methods(full)
    _check_tasks(full)
    check_settings(full)
    return full


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
    said = _SAID.get(str(error.validator), lambda error: error.message + _hint(error))(error)
    return f"config key {where}: {said}" if where else f"config: {said}"


def _unknown_key(error: jsonschema.ValidationError) -> str:
    known = error.schema["properties"]
    name = min(set(error.instance) - set(known))
    close = difflib.get_close_matches(name, known, 1)
    other = f"did you mean {close[0]!r}?" if close else f"there are {', '.join(known)}"
    return f"there is no key {name!r}; {other}"


_SAID: dict[str, Callable[[jsonschema.ValidationError], str]] = {
    "additionalProperties": _unknown_key,
    "pattern": lambda error: (
        f"{error.instance!r} has to begin with a letter or digit of A-Z, a-z, 0-9, "
        "and may go on with these and _ . -"
    ),
    "maxLength": lambda error: (
        f"a name of {len(error.instance)} characters is too long for a folder, "
        f"{error.validator_value} are the most"
    ),
    "minItems": lambda error: (
        f"{len(error.instance)} given, at least {error.validator_value} needed"
    ),
}


def _hint(error: jsonschema.ValidationError) -> str:
    if error.validator != "type":
        return ""
    value, wanted = error.instance, str(error.validator_value)
    if isinstance(value, str) and wanted in ("number", "integer"):
        with contextlib.suppress(ValueError):
            return f"; write {float(value):.1e} so that YAML reads a number"
    if "string" in wanted and not isinstance(value, (Mapping, list, type(None))):
        return "; put it in quotes to make a text of it"
    return ""


def _check_tasks(config: dict[str, Any]) -> None:
    tasks, datasets = config["tasks"], config["datasets"]
    names = [task["name"] for task in tasks]
    for name in names:
        if names.count(name) > 1:
            raise ConfigError(f"config key tasks: task {name!r} is listed twice")
    if len(tasks) > MOST_TASKS:
        raise ConfigError(
            f"config key tasks: {len(tasks)} tasks, but one network holds at most {MOST_TASKS}"
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
    check_classes(config)


def _check_task(task: dict[str, Any], dataset: Mapping[str, Any]) -> None:
    if "classes" in task:
        task["classes"] = [str(name) for name in task["classes"]]
        if len(set(task["classes"])) < len(task["classes"]):
            raise ConfigError(f"config key tasks: task {task['name']!r} lists a class twice")
    check_images("config key tasks", f"task {task['name']!r}", task, dataset)
    check_drawn(task, dataset)
    check_loss(task)
    if dataset["source"] == "digits" and ("classes" not in task or "group" in task):
        raise ConfigError(
            f"config key tasks: task {task['name']!r} of digits needs its classes, and no group"
        )
    if dataset["source"] == "digits" and (unknown := sorted({*task["classes"]} - _DIGITS)):
        raise ConfigError(
            f"config key tasks: class {unknown[0]!r} of task {task['name']!r} is no digit, "
            "use 0 to 9"
        )


def _check_sources(config: Mapping[str, Any]) -> None:
    used = {task["dataset"] for task in config["tasks"]}
    used |= {task["pairs"]["dataset"] for task in config["tasks"] if "pairs" in task}
    shapes = set()
    for name in sorted(used):
        if name not in config["datasets"]:
            continue  # pairs that `check_pairs` refuses
        dataset = config["datasets"][name]
        check_face_set(name, dataset)
        if dataset["source"] != "digits" and not dataset["root"]:
            raise ConfigError(f"config key datasets.{name}.root: say where the images lie")
        if dataset["source"] in ("image_folder", "office_home") and not dataset["image_size"]:
            raise ConfigError(f"config key datasets.{name}.image_size: pictures need one size")
        if dataset["source"] == "stl10" and dataset["image_size"] not in (None, STL10_SIDE):
            raise ConfigError(
                f"config key datasets.{name}.image_size: STL-10 is {STL10_SIDE} pixels wide: "
                "remove it"
            )
        if dataset["source"] == "digits" and dataset["channels"] != 1:
            raise ConfigError(f"config key datasets.{name}.channels: digits are grey, use 1")
        if dataset["source"].startswith("cifar100") and dataset["channels"] != 3:
            raise ConfigError(f"config key datasets.{name}.channels: CIFAR-100 has 3")
        if dataset["source"] in ("office_home", "stl10") and dataset["channels"] != 3:
            raise ConfigError(f"config key datasets.{name}.channels: {dataset['source']} has 3")
        check_images(f"config key datasets.{name}", "the data set", dataset, dataset)
        learned = [task for task in config["tasks"] if task["dataset"] == name]
        for side in sorted({seen_side(task, side_of_set(dataset)) for task in learned}):
            if wrong := misfit(config["network"]["name"], side):
                raise ConfigError(f"config key network.name: {wrong} (dataset {name})")
        shapes.add(dataset["channels"])
    if len(shapes) > 1:
        raise ConfigError("config key datasets: all tasks of one network need the same channels")
    networks = {settings(config, method)["network"]["name"] for method in config["methods"]}
    for task in config["tasks"]:
        check_crop(task, side_of_set(config["datasets"][task["dataset"]]), networks)
        check_pairs(task, config["datasets"])


def side_of_set(dataset: Mapping[str, Any]) -> int:
    if dataset["source"] in FACE_SOURCES:
        return side_of(dataset)
    usual = {"digits": 8, "stl10": STL10_SIDE}.get(dataset["source"], 32)
    return int(dataset["image_size"] or usual)
