"""manifest.json: what a stage wrote, from what, under which settings. Written last, it commits."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lifelong.plan.errors import DamagedFile
from lifelong.store.files import digest_once, read_json, write_text

NAME = "manifest.json"
_FORMAT = 1


def write_manifest(folder: Path, files: Mapping[str, str], **facts: Any) -> None:
    """Commit a stage: `files` maps the names of its files in `folder` to their digests."""
    manifest = {"format": _FORMAT, "files": dict(files), **facts}
    write_text(Path(folder) / NAME, json.dumps(manifest, indent=1, sort_keys=True) + "\n")


def read_manifest(folder: Path) -> dict[str, Any]:
    """The manifest of a stage's folder. Raises DamagedFile if it is missing or unreadable."""
    path = Path(folder) / NAME
    manifest = read_json(path)
    if manifest.get("format") != _FORMAT:
        raise DamagedFile(f"{path} is not a manifest of this version of lifelong: delete it")
    return manifest


def verified(path: Path) -> str:
    """The digest of a stage's file, after comparing it with the manifest beside it.

    Raises DamagedFile where the manifest does not name the file or the bytes differ.
    """
    path = Path(path)
    expected = read_manifest(path.parent)["files"].get(path.name)
    if expected is None:
        raise DamagedFile(f"{path} is not named in {path.parent / NAME}: delete it")
    if not path.is_file():
        raise DamagedFile(f"{path} is missing: run again to rebuild it")
    if digest_once(path) != expected:
        raise DamagedFile(f"{path} is not what was written: delete it and run again to rebuild it")
    return expected
