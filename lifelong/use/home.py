"""Where an experiment ran whose results somebody asks about in another folder.

A configuration names pictures, published numbers and results as seen from there.
"""

import contextlib
import os
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from lifelong.jobs.find import finished
from lifelong.plan.advice import ran_in


@dataclass(frozen=True)
class Home:
    """The `results` of one experiment and files of its configuration, as seen from its folder.

    `typed` is how somebody named the results elsewhere.
    """

    results: Path
    files: Sequence[Path]
    typed: Path
    folder: Path
    is_here: bool

    def path(self, path: Path) -> Path:
        """One of the results as somebody elsewhere would name it."""
        return self.typed / path.relative_to(self.results)

    def command(self, command: str) -> str:
        """A command for this folder, as somebody elsewhere would type it."""
        if self.is_here or not command:
            return command
        return f"{shlex.join(['cd', str(self.folder)])} && {command}"


@contextlib.contextmanager
def at_home(results: Path, files: Sequence[Path]) -> Iterator[Home]:
    """Work in the folder where an experiment ran, or to which its results were moved."""
    here = Path(os.path.abspath(results))
    stages = (ran_in(folder) for folder in finished(here))
    above = here.parent.parent if here.is_dir() else Path.cwd()
    folder = Path(next(filter(None, stages), above))
    is_here = folder.resolve() == Path.cwd()
    given = files if is_here else [Path(os.path.abspath(file)) for file in files]
    with contextlib.chdir(folder):
        yield Home(Path(os.path.relpath(here, folder)), given, results, folder, is_here)
