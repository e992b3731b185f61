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
from lifelong.plan.paths import MANIFEST, split_root
from lifelong.plan.reading import read

VARIABLE = "LIFELONG_COMMAND"  # carries what was typed to the jobs of a run
_DIRECTORY, _SNAKEFILE = "--directory", "--snakefile"
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
    runs_elsewhere = _DIRECTORY in shlex.split(again)
    return f"{removing(os.path.abspath(remove) if runs_elsewhere else remove)} && {again}"


def removing(path: str | Path) -> str:
    """The command that removes a file or folder."""
    return shlex.join(["rm", *(["-r"] if os.path.isdir(path) else []), str(path)])


def snakemake(files: Sequence[str | Path] = (), more: Sequence[str] = ()) -> str:
    """The command that runs an experiment given by files; none is that of config.yaml."""
    given = ["--configfile", *map(_near, files)] if files else []
    start = list(more) or ["--cores", "2"]
    return shlex.join(["snakemake", *start, *given])


def snakemake_as(
    arguments: Sequence[str],
    files: Sequence[str | Path],
    options: Mapping[str, Any],
    snakefile: str = "",
    typed_in: str = "",
) -> str:
    """The command of a run of Snakemake, from its arguments, --configfile and --config.

    Targets, and what runs less or more than is needed, are left out. With a `snakefile` the run was
    given --directory: then all paths are absolute, as `files` and the folder `typed_in` are, so
    that the command can be typed anywhere.
    """
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    for names in (("--cores", "-c"), ("--jobs", "-j"), ("--profile",), ("--snakefile", "-s")):
        parser.add_argument(*names, nargs="?")
    said = vars(parser.parse_known_args(arguments)[0])
    if snakefile:
        said |= {"snakefile": snakefile, _DIRECTORY.lstrip("-"): os.getcwd()}
        profile = os.path.join(typed_in, said["profile"] or "")
        said["profile"] = profile if said["profile"] and os.path.isdir(profile) else said["profile"]
    more = [part for name, value in said.items() if value for part in (f"--{name}", value)]
    if snakefile and files:
        more += ["--configfile", *map(str, files)]
        files = ()
    given = [f"{name}={_typed(value)}" for name, value in options.items()]
    end = f" --config {shlex.join(given)}" if given else ""
    return snakemake(files, more) + end


def running(files: Sequence[str | Path], base: Path) -> str:
    """The command that runs an experiment given by `files` in this folder, where its results lie.

    Without a Snakefile here its results in `base` know one, or that it needs none.
    """
    if Path("Snakefile").exists():
        return snakemake(files)
    said = shlex.split(command_of(base))
    if said[:2] == ["lifelong", "run"]:
        return shlex.join(["lifelong", "run", "--configfile", *map(_near, files)])
    if _SNAKEFILE in said:
        snakefile = said[said.index(_SNAKEFILE) + 1]
        more = ["--cores", "2", _SNAKEFILE, snakefile, _DIRECTORY, os.getcwd()]
        return snakemake((), [*more, "--configfile", *map(os.path.abspath, files)])
    return snakemake(files)


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
                return _typed_here(command, ran_in(timing.parent))
    return snakemake(_files_of(base.name))


def _typed_here(command: str, folder: str | None) -> str:
    """The command of a run as it is typed here to run in a folder; None where nobody knows it."""
    words = shlex.split(command)
    if folder is None or os.path.realpath(folder) == os.getcwd():
        return command
    if _DIRECTORY in words:
        words[words.index(_DIRECTORY) + 1] = folder
        return shlex.join(words)
    return f"{shlex.join(['cd', _near(folder)])} && {command}"


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


def ran_in(folder: Path) -> str | None:
    """The working folder of the run that wrote a stage's folder, or that to which results moved.

    None where its manifest does not say.
    """
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        wrote = split_root(json.loads((folder / MANIFEST).read_text())["folder"])
        here = split_root(folder.absolute().as_posix())
        if wrote is not None and here is not None and here[0].endswith(f"/{wrote[0]}"):
            return here[0].removesuffix(f"/{wrote[0]}") or "/"
    return None


def _near(path: str | Path) -> str:
    """A path as one would type it here."""
    relative = os.path.relpath(path)
    return os.path.abspath(path) if relative.startswith("..") else relative


def _typed(value: Any) -> str:
    """The value of --config, which Snakemake reads as YAML."""
    return value if isinstance(value, str) else json.dumps(value)
