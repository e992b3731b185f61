"""A stage as a job asks for it: what passes from process to process, as JSON."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from lifelong.plan.stage import Inputs, Stage


@dataclass(frozen=True)
class Request:
    """A stage whose `spec` is plain data, and where and how its process runs it.

    `ends` is a time of `time.monotonic`. `working_folder` and `environment` are those of the
    process that asks; who shares them need not be told.
    """

    kind: str
    folder: str
    inputs: Inputs
    spec: Mapping[str, Any]
    threads: int
    ends: float | None
    log: str
    working_folder: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)

    @property
    def processes(self) -> int:
        """In how many processes the stage runs."""
        recipe = self.spec.get("recipe") or {}
        return int(recipe.get("processes", 1))

    def stage(self) -> Stage:
        """The stage that is asked for."""
        # A job that hands over has no need of the plan, which takes as long to import as the rest.
        from lifelong.plan.families import spec_from

        spec = spec_from(self.spec)
        return Stage(self.kind, self.folder, self.inputs, spec, self.threads, self.ends)
