"""One stage: which it is, what it reads and writes, and what it must know."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Inputs = dict[str, str | list[str]]


@dataclass(frozen=True)
class Stage:
    """One job: it reads `inputs`, writes into `folder`, and knows `spec` and nothing more."""

    kind: str
    folder: str
    inputs: Mapping[str, str | list[str]]
    spec: Any  # one of plan/specs.py, as the stage's kind and method say
    threads: int = 1
    ends: float | None = None  # of time.monotonic(), when the machine will be taken away

    def path(self, name: str) -> str:
        return f"{self.folder}/{name}"

    def input(self, name: str) -> str:
        """The one file of an input."""
        files = self.inputs[name]
        return files if isinstance(files, str) else files[0]

    def input_list(self, name: str) -> list[str]:
        """The files of an input; an absent input is an empty list."""
        files = self.inputs.get(name, [])
        return [files] if isinstance(files, str) else list(files)

    def files_read(self) -> list[str]:
        """All input files."""
        return [path for name in self.inputs for path in self.input_list(name)]


@dataclass(frozen=True)
class Key:
    """Which stage: a method, a seed, a task's position (from 1) and, for expand, an attempt."""

    kind: str
    method: str
    seed: int
    position: int
    attempt: int = 0
