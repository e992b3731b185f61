"""YAML files as mappings of plain values: nothing in them runs, no key counts twice."""

import math
from collections.abc import Hashable, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from lifelong.plan.errors import ConfigError
from lifelong.plan.paths import ROOT, split_root

_TEMPLATE = "__use_yte__"
NOT_CONFIGURATION = (
    "is no configuration: --configfile takes every word up to the next option, so name files and "
    "folders of results before it"
)
_WRITTEN = {".h5", ".json", ".csv", ".html", ".svg", ".txt", ".tsv"}  # by stages
_DEEPEST, _MOST_VALUES = 20, 100_000  # 254 tasks with every key set are 10 000 values


class _Loader(yaml.SafeLoader):
    """Plain values only, each key once; YAML's own loader keeps the last and says nothing."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        given = [key for key, _ in node.value if key.tag != "tag:yaml.org,2002:merge"]
        seen: set[Hashable] = set()
        for key in given:
            name = self.construct_object(key, deep=True)
            if isinstance(name, Hashable):
                if name in seen:
                    line = key.start_mark.line + 1
                    raise ConfigError(
                        f"key {name!r} is given twice, again in line {line}; keep one of them"
                    )
                seen.add(name)
        return super().construct_mapping(node, deep)

    def plain_integer(self, node: yaml.ScalarNode) -> int:
        """An integer as it is written: YAML reads 010 as 8, 1_0 as 10 and 1:30 as 90."""
        value: int = self.construct_yaml_int(node)
        if node.value != str(value):
            raise ConfigError(
                f"line {node.start_mark.line + 1}: YAML reads {node.value} as the number {value}; "
                f"put it in quotes if it is a name, else write {value}"
            )
        return value


_Loader.add_constructor("tag:yaml.org,2002:int", _Loader.plain_integer)


def read(path: Path) -> dict[str, Any]:
    """One YAML file as a mapping. Raises ConfigError naming the file and line."""
    if is_result(path):
        raise ConfigError(f"{path} {NOT_CONFIGURATION}")
    try:
        content = yaml.load(Path(path).read_text(encoding="utf-8"), _Loader)
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror}") from error
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from error
    except RecursionError as error:
        raise ConfigError(f"{path} is nested too deeply: write it flatter") from error
    except (yaml.YAMLError, ValueError) as error:  # ValueError: impossible dates, bytes, numbers
        raise ConfigError(f"{path} is not valid YAML: {' '.join(str(error).split())}") from error
    if not isinstance(content, dict):
        raise ConfigError(f"{path} must be a mapping of keys to values")
    if _TEMPLATE in content:
        raise ConfigError(f"{path}: {_TEMPLATE} asks Snakemake to run what values say; remove it")
    return content


def check_once(arguments: Sequence[str]) -> None:
    """Raise ConfigError where --configfile is given twice: Snakemake would take the last alone."""
    given = [one for one in arguments if one.partition("=")[0] in ("--configfile", "--configfiles")]
    if len(given) > 1:
        raise ConfigError(
            "--configfile is given twice, and Snakemake would forget the first: write all files "
            "after one"
        )


def is_result(path: Path) -> bool:
    """Whether a path is one of results: a target, perhaps, that --configfile has taken as well."""
    here = Path(path)
    if here.suffix in (".yaml", ".yml"):
        return False
    written = here.suffix in _WRITTEN and split_root(here.parent.as_posix()) is not None
    return written or here.is_dir() or here.parts[:1] == (ROOT,)


def typed(options: Mapping[str, Any]) -> dict[str, Any]:
    """What --config gave, with numbers where Snakemake left text inside of lists and mappings.

    `--config seeds=[0,1]` reaches us as a list of two texts. What is no plain number, like 010,
    stays text: quotes around it would not have reached us either.
    """

    def scalar(value: Any, inside: bool) -> Any:
        if isinstance(value, Mapping):
            return {key: scalar(one, True) for key, one in value.items()}
        if isinstance(value, list | tuple):
            return [scalar(one, True) for one in value]
        if inside and isinstance(value, str):
            try:
                read = yaml.load(value, _Loader)
            except (yaml.YAMLError, ConfigError):
                return value
            known = isinstance(read, int | float) and not isinstance(read, bool)
            return read if known or value in ("true", "false") else value
        return value

    return {key: scalar(value, False) for key, value in options.items()}


def check_plain(config: Mapping[str, Any]) -> None:
    """Keys are texts, numbers finite and the whole of bounded size, which a schema takes as given.

    Anchors can make a small file refer to itself, or stand for more values than memory holds.
    """
    waiting: list[tuple[tuple[str, ...], Any]] = [((), config)]
    visited = 0
    while waiting:
        path, value = waiting.pop()
        visited += 1
        where = f"config key {'.'.join(path)}" if path else "config"
        if len(path) > _DEEPEST or visited > _MOST_VALUES:
            raise ConfigError(f"{where[:80]}: too many values, or anchors that lead in a circle")
        if isinstance(value, float) and not math.isfinite(value):
            raise ConfigError(f"{where}: {value} is no number to compute with")
        if isinstance(value, Mapping):
            for key in value:
                if not isinstance(key, str):
                    raise ConfigError(f"{where}: put {key!r} in quotes, keys are texts")
            waiting += [((*path, key), inner) for key, inner in value.items()]
        elif isinstance(value, list):
            waiting += [((*path, str(index)), inner) for index, inner in enumerate(value)]
