"""config.yaml in, a checked and completed configuration out; every mistake is one ConfigError."""

import contextlib
import copy
import difflib
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import jsonschema
import yaml

from lifelong.plan.class_names import STL10_SIDE, check_classes
from lifelong.plan.crops import check_crop, seen_side
from lifelong.plan.draws import check_drawn, check_images
from lifelong.plan.errors import ConfigError
from lifelong.plan.faces import FACE_SOURCES, check_face_set, check_pairs, side_of
from lifelong.plan.layers import ONE_SIZE, check_layers
from lifelong.plan.losses import check_loss
from lifelong.plan.methods import METHOD_DEFAULTS, MOST_TASKS, SHAPES, Shape
from lifelong.plan.networks import misfit
from lifelong.plan.paths import OF_EXPERIMENT
from lifelong.plan.reading import check_plain, read
from lifelong.plan.stacks import STACKS

SECTIONS = (
    "network",
    "goals",
    "expand",
    "recipe",
    "baseline",
    "train",
    "prune",
    "retrain",
    "layers",
)
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
    check_plain(config)
    given = copy.deepcopy(dict(config))
    given.pop("pathvars", None)  # Snakemake's own
    errors = _Validator(schema).iter_errors(given)
    worst = jsonschema.exceptions.best_match(errors)
    if worst is not None:
        raise ConfigError(_sentence(worst))
    full = _filled(given, schema)
    full["method_settings"] = merge(METHOD_DEFAULTS, full["method_settings"])
    _check_methods(full)
    _check_tasks(full)
    _check_goals(full)
    _check_prune(full)
    _check_layers(full)
    return full


def settings(config: Mapping[str, Any], method: str) -> dict[str, Any]:
    """The sections of the configuration as one method sees them."""
    common = {section: config[section] for section in SECTIONS}
    variant = config["variants"].get(method, {})
    own = merge(common, config["method_settings"].get(variant.get("method", method), {}))
    return merge(own, {name: part for name, part in variant.items() if name != "method"})


def shape_of(config: Mapping[str, Any], method: str) -> Shape:
    """What a method or variant looks like as a DAG."""
    return SHAPES[config["variants"].get(method, {"method": method})["method"]]


def _check_methods(config: Mapping[str, Any]) -> None:
    folders = {name.casefold() for name in (*SHAPES, *OF_EXPERIMENT)}
    for name, variant in config["variants"].items():
        if name in SHAPES:
            raise ConfigError(f"config key variants: {name!r} is a method already, rename it")
        if name.casefold() in folders:  # some file systems take Hps for hps
            raise ConfigError(
                f"config key variants: {name!r} would share its folder of results with another, "
                "rename it"
            )
        folders.add(name.casefold())
        if variant["method"] not in SHAPES:
            raise ConfigError(
                f"config key variants.{name}.method: there is no method {variant['method']!r}"
                f"{_near(variant['method'], SHAPES)}"
            )
    known = [*SHAPES, *config["variants"]]
    for place, name in enumerate(config["methods"]):
        if name not in known:
            raise ConfigError(
                f"config key methods.{place}: there is no method {name!r}{_near(name, known)}"
            )


def _near(name: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(name, list(known), 1)
    return f"; did you mean {close[0]!r}?" if close else f"; there are {', '.join(known)}"


def _check_layers(config: Mapping[str, Any]) -> None:
    sides = sorted({_side(config["datasets"][task["dataset"]]) for task in config["tasks"]})
    for name in config["methods"]:
        full = settings(config, name)
        if shape_of(config, name).layered:
            method = config["variants"].get(name, {"method": name})["method"]
            check_layers(name, method, full, config)
            if method in ONE_SIZE and len(sides) > 1:
                raise ConfigError(
                    f"config key datasets: images of {sides[0]} and {sides[-1]} pixels, but {name} "
                    "has fully connected layers in common to all tasks: give all data sets the "
                    f"same image_size, or leave {name} out of methods"
                )
        elif full["network"]["name"] in STACKS:
            raise ConfigError(
                f"config key network.name: {name} cannot use {full['network']['name']}, which is "
                "for methods that share layers; take small_cnn or vgg16_bn, or leave the method out"
            )


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
        for side in sorted({seen_side(task, _side(dataset)) for task in learned}):
            if wrong := misfit(config["network"]["name"], side):
                raise ConfigError(f"config key network.name: {wrong} (dataset {name})")
        shapes.add(dataset["channels"])
    if len(shapes) > 1:
        raise ConfigError("config key datasets: all tasks of one network need the same channels")
    networks = {settings(config, method)["network"]["name"] for method in config["methods"]}
    for task in config["tasks"]:
        check_crop(task, _side(config["datasets"][task["dataset"]]), networks)
        check_pairs(task, config["datasets"])


def _side(dataset: Mapping[str, Any]) -> int:
    if dataset["source"] in FACE_SOURCES:
        return side_of(dataset)
    usual = {"digits": 8, "stl10": STL10_SIDE}.get(dataset["source"], 32)
    return int(dataset["image_size"] or usual)


def _check_goals(config: Mapping[str, Any]) -> None:
    names = {task["name"] for task in config["tasks"]}
    for method in config["methods"]:
        goals = settings(config, method)["goals"]
        unknown = sorted(set(goals["given"]) - names)
        if unknown:
            raise ConfigError(f"config key goals.given: there is no task {unknown[0]!r}")
        if shape_of(config, method).has_goal and goals["policy"] == "given":
            missing = sorted(names - set(goals["given"]))
            if missing:
                raise ConfigError(f"config key goals.given: no goal for task {missing[0]!r}")


def _check_prune(config: Mapping[str, Any]) -> None:
    for method in config["methods"]:
        prune = settings(config, method)["prune"]
        if prune["ratios"] != sorted(prune["ratios"]):
            raise ConfigError(f"config key prune.ratios ({method}): give them in rising order")
        if len({f"{ratio:g}" for ratio in prune["ratios"]}) < len(prune["ratios"]):
            raise ConfigError(  # their files would have one name
                f"config key prune.ratios ({method}): two of them agree in six digits, drop one"
            )
        for task in config["tasks"]:
            ratio = task.get("ratio", 0.0)
            if shape_of(config, method).has_goal and ratio and ratio not in prune["ratios"]:
                raise ConfigError(
                    f"config key tasks: ratio {ratio} of task {task['name']!r} is not a rung "
                    f"of prune.ratios ({method}): {prune['ratios']}"
                )
