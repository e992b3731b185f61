"""What config.yaml may say: the schema, made of its files and the tables, and its messages."""

import contextlib
import copy
import difflib
import math
from collections.abc import Callable, Collection, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import yaml

from lifelong.plan.errors import ConfigError
from lifelong.plan.losses import LOSSES
from lifelong.plan.methods import METHODS
from lifelong.plan.networks import NETWORKS
from lifelong.plan.settings import SECTIONS
from lifelong.plan.sources import SOURCES

_WRITTEN_OUT = 1e6  # whole numbers below have no exponent
_FILES = Path(__file__).parents[2] / "schemas"
_Validator = jsonschema.validators.extend(  # 10.0 epochs would pass as an integer
    jsonschema.Draft202012Validator,
    type_checker=jsonschema.Draft202012Validator.TYPE_CHECKER.redefine(
        "integer", lambda _, value: isinstance(value, int) and not isinstance(value, bool)
    ),
)
_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # every cluster job reads the schema again


def validated(given: dict[str, Any], options: Collection[str] = ()) -> dict[str, Any]:
    """The configuration with all defaults. Raises ConfigError where the schema forbids it.

    `options` are keys that --config gave.
    """
    errors = _Validator(schema()).iter_errors(given)
    worst = jsonschema.exceptions.best_match(errors)
    if worst is not None:
        raise ConfigError(_sentence(worst, options))
    return _filled(given, schema())


@cache
def schema() -> dict[str, Any]:
    """The whole schema, as one document."""
    whole = _read(_FILES / "config.yaml")
    keys = whole["properties"]
    keys |= {path.stem: _read(path) for path in sorted((_FILES / "sections").glob("*.yaml"))}
    options = {path.stem: _read(path) for path in sorted((_FILES / "methods").glob("*.yaml"))}
    keys["layers"]["properties"] |= options
    own = {name: {"$ref": f"#/properties/{name}"} for name in SECTIONS}
    form = {"type": "object", "additionalProperties": False}
    keys["method_settings"]["properties"] = {
        name: {**form, "description": f"what {name} does differently", "properties": own}
        for name in METHODS
    }
    base = {"type": "string", "description": "which method it is one of"}
    row = {"type": "string", "description": "the row of the published table to print beside it"}
    names = {"method": base, "published": row}
    variant = {**form, "required": ["method"], "properties": {**names, **own}}
    keys["variants"]["additionalProperties"] = variant
    loss = keys["tasks"]["items"]["properties"]["loss"]
    dataset = keys["datasets"]["additionalProperties"]
    for part, name, rows in (
        (keys["network"], "name", NETWORKS),
        (dataset, "source", SOURCES),
        (loss, "kind", LOSSES),
    ):
        part["properties"][name] |= {"enum": list(rows)}
        part["properties"][name].pop("type")
    return whole


def _read(path: Path) -> dict[str, Any]:
    part: dict[str, Any] = yaml.load(path.read_text(encoding="utf-8"), _Loader)
    return part


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


def _sentence(error: jsonschema.ValidationError, options: Collection[str]) -> str:
    where = ".".join(str(part) for part in error.absolute_path)
    if error.validator in _SAID:
        said = _SAID[str(error.validator)](error)
    else:
        option = bool(error.absolute_path) and error.absolute_path[0] in options
        said = error.message + _hint(error, option)
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


def _hint(error: jsonschema.ValidationError, option: bool) -> str:
    """How to write a value of another type than it has; it works as it is typed."""
    if error.validator != "type":
        return ""
    value, wanted = error.instance, error.validator_value
    wanted = {wanted} if isinstance(wanted, str) else set(wanted)
    if isinstance(value, float) and value.is_integer() and "integer" in wanted:
        return f"; write {value:.0f}"
    if "array" in wanted and isinstance(value, (str, int, float)):
        return f"; write [{', '.join(part.strip() for part in str(value).split(','))}]"
    if isinstance(value, str) and wanted & {"number", "integer"}:
        with contextlib.suppress(ValueError):
            return _as_number(float(value), whole="number" not in wanted)
    if isinstance(value, str) and "boolean" in wanted and value.lower() in ("true", "false"):
        return f"; write {value.lower()} without quotes"
    if "string" in wanted and not isinstance(value, (Mapping, list, type(None))):
        if option:
            return "; --config drops quotes: write it into a file, in quotes, for --configfile"
        return "; put it in quotes to make a text of it"
    return ""


def _as_number(number: float, whole: bool) -> str:
    """A number as YAML, which wants a point before an exponent, reads it."""
    if number.is_integer() and abs(number) < _WRITTEN_OUT:
        return f"; write {number:.0f} without quotes"
    if whole or not math.isfinite(number):
        return ""
    digits, exponent, power = repr(number).partition("e")
    point = "" if "." in digits or not exponent else ".0"
    return f"; write {digits}{point}{exponent}{power} so that YAML reads a number"
