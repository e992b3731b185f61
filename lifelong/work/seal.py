"""What a stage reads is checked before it starts, what it wrote is sealed when it ends."""

import platform
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import lifelong
from lifelong import store
from lifelong.plan.specs import plain
from lifelong.plan.stage import Stage

_GIVEN = {"published"}  # files of the user's own, which no stage wrote


def check_inputs(stage: Stage) -> None:
    """That every input is what its stage wrote, at that very path.

    Raises DamagedFile naming the first that is not: damaged, or of another task, run or stage.
    """
    names = [name for name in stage.inputs if name not in _GIVEN]
    for path in dict.fromkeys(path for name in names for path in stage.input_list(name)):
        store.check_place(Path(path))


def input_digests(stage: Stage) -> dict[str, str]:
    """The digest of every input file, by path."""
    return {path: store.digest_once(Path(path)) for path in sorted(stage.files_read())}


def seal(
    stage: Stage,
    files: Mapping[str, str],
    outcome: Mapping[str, Any] | None = None,
    versions: Mapping[str, str] | None = None,
    machine: Mapping[str, str | int] | None = None,
) -> None:
    """Write the manifest that makes a stage's files count; `files` gives their digests.

    `machine` is of a stage that calculates: see `train/device.py`. It is no part of the spec, so
    another machine is no reason to run again.
    """
    known = {"lifelong": lifelong.__version__, "python": platform.python_version()}
    store.write_manifest(
        Path(stage.folder),
        files,
        spec=plain(stage.spec),
        outcome=outcome or {},
        inputs=input_digests(stage),
        versions=known | dict(versions or {}),
        **({"machine": dict(machine)} if machine else {}),
    )
