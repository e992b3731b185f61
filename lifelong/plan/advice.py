"""How to get back what is missing or damaged: every piece of advice is worded here.

A stage whose files are gone is made again by the command that made it (see `jobs/stale.py`), with
all that depends on it. So the advice is always to remove what is wrong and to type that command.
"""

import argparse
import contextlib
import json
import os
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lifelong.plan.errors import DamagedFile, UserError, printable
from lifelong.plan.paths import split_root
from lifelong.plan.reading import read

VARIABLE = "LIFELONG_COMMAND"  # carries what was typed to the jobs of a run
_DIRECTORY = "--directory"
TIMING = "timing.json"  # beside what a stage wrote: how long it took, and the command of its run


def advised(error: BaseException, typed: str | None = None) -> str:
    """The message of an error and, where a file is to be made again, how.

    `typed` is the command of the run that met it; without one, what the results say of theirs.
    """
    if not isinstance(error, DamagedFile):
        return str(error)
    return f"{error}; make it again: {printable(rebuilding(error.path, error.remove, typed))}"


def rebuilding(path: str | Path, remove: str | Path | None, typed: str | None = None) -> str:
    """The commands that make a file again, after removing a file or folder that is there."""
    again = typed or command_of(Path(path))
    if remove is None:
        return again
    elsewhere = f" {_DIRECTORY} " in again  # than where it was typed
    return f"{removing(os.path.abspath(remove) if elsewhere else remove)} && {again}"


def removing(path: str | Path) -> str:
    """The command that removes a file or folder."""
    return shlex.join(["rm", *(["-r"] if os.path.isdir(path) else []), str(path)])


def snakemake(
    files: Sequence[str | Path] = (), more: Sequence[str] = (), folder: str | Path = "."
) -> str:
    """The command that runs an experiment given by files; none is that of config.yaml.

    It runs in `folder`, to which one goes first if that is another than this.
    """
    given = ["--configfile", *(_near(file, folder) for file in files)] if files else []
    start = list(more) or ["--cores", "2"]
    return _going_to(folder) + shlex.join(["snakemake", *start, *given])


def snakemake_as(
    arguments: Sequence[str],
    files: Sequence[str | Path],
    options: Mapping[str, Any],
    snakefile: str = "",
) -> str:
    """The command of a run of Snakemake, from its arguments, --configfile and --config.

    Targets, and what runs less or more than is needed, are left out. Where --directory was given
    its paths are absolute, as then are `files` and `snakefile`, so that it can be typed anywhere.
    """
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    for names in (
        *(("--cores", "-c"), ("--jobs", "-j"), ("--profile",)),
        *(("--snakefile", "-s"), (_DIRECTORY, "-d")),
    ):
        parser.add_argument(*names, nargs="?")
    said = vars(parser.parse_known_args(arguments)[0])
    if said["directory"]:
        said |= {"snakefile": snakefile, "directory": os.getcwd()}
    more = [part for name, value in said.items() if value for part in (f"--{name}", value)]
    if said["directory"] and files:
        more += ["--configfile", *map(str, files)]
        files = ()
    given = [f"{name}={_typed(value)}" for name, value in options.items()]
    end = f" --config {shlex.join(given)}" if given else ""
    return snakemake(files, more) + end


def command_of(path: Path) -> str:
    """The command of the run that wrote a stage's file, or else of its experiment's newest run.

    Results of older versions say none; then a configuration of the experiment is looked for.
    """
    place = split_root((path if path.is_dir() else path.parent).as_posix())
    base = Path(place[0], place[1].split("/")[0]) if place else path
    for timing in _timings(path, base):
        with contextlib.suppress(OSError, ValueError, AttributeError):
            command = json.loads(timing.read_text()).get("command")
            if isinstance(command, str):
                elsewhere = f" {_DIRECTORY} " in command
                return command if elsewhere else _going_to(_ran_in(timing.parent)) + command
    return snakemake(_files_of(base.name))


def _files_of(experiment: str) -> list[Path]:
    """The file of an experiment that is not config.yaml's, where it stands where ours do."""
    for file in (
        Path("config.yaml"),
        *(Path(at, f"{experiment}.yaml") for at in (".", "experiments")),
    ):
        with contextlib.suppress(UserError):
            if read(file).get("experiment") == experiment:
                return [] if file.name == "config.yaml" else [file]
    return []


def _timings(path: Path, base: Path) -> list[Path]:
    """What tells the command of a file of an experiment, the nearest first."""
    near = [path / TIMING, path.parent / TIMING]
    told = [one for one in base.rglob(TIMING) if one.is_file()] if base.is_dir() else []
    return [*near, *sorted(told, key=lambda one: one.stat().st_mtime_ns, reverse=True)]


def _ran_in(folder: Path) -> str:
    """The working folder of the run that wrote a stage's folder; this one where nobody can say."""
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        wrote = split_root(json.loads((folder / "manifest.json").read_text())["folder"])
        here = split_root(folder.absolute().as_posix())
        if wrote is not None and here is not None and here[0].endswith(f"/{wrote[0]}"):
            return here[0].removesuffix(f"/{wrote[0]}") or "/"
    return "."


def _going_to(folder: str | Path) -> str:
    """The beginning of a command that is typed here and runs in a folder."""
    here = os.path.realpath(folder) == os.getcwd()
    return "" if here else f"{shlex.join(['cd', _near(folder)])} && "


def _near(path: str | Path, folder: str | Path = ".") -> str:
    """A path as one would type it in a folder."""
    relative = os.path.relpath(path, folder)
    return os.path.abspath(path) if relative.startswith("..") else relative


def _typed(value: Any) -> str:
    """The value of --config, which Snakemake reads as YAML."""
    return value if isinstance(value, str) else json.dumps(value)
