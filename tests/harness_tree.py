"""What the harness compares and how it kills."""

from pathlib import Path

import pytest

from lifelong.train import loop

DIFFERENT = ("log.txt", "timing.json", "times.svg")  # in every run


class Killed(BaseException):
    """Stands for a machine that dies; no code of ours catches it."""


def die_after(patch: pytest.MonkeyPatch, steps: int) -> None:
    """End the process, as it were, in the middle of a training step."""
    left = steps
    real = loop._Run.one_step

    def one_step(run, x, y):
        nonlocal left
        if left == 0:
            raise Killed
        left -= 1
        real(run, x, y)

    patch.setattr(loop._Run, "one_step", one_step)


def content(folder: Path) -> dict[str, bytes]:
    """Every result file but those that carry times."""
    files = [path for path in folder.rglob("*") if path.is_file() and path.name not in DIFFERENT]
    files = [path for path in files if path.parent.name != ".before"]  # what was set aside
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}
