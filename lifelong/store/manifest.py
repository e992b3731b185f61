"""manifest.json: what a stage wrote, from what, under which settings. Written last, it commits.

It says in which folder it was written and carries a seal, the digest of all else in it: so neither
a flipped bit nor a manifest in another stage's folder goes unnoticed.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from blake3 import blake3

from lifelong.plan.errors import DamagedFile
from lifelong.plan.paths import MANIFEST
from lifelong.store.files import digest_once, drop_leftovers, read_json, write_text
from lifelong.store.packed import Piece

_FORMAT = 2


def write_manifest(folder: Path, files: Mapping[str, str], /, **facts: Any) -> None:
    """Commit a stage: `files` maps the names of its files in `folder` to their digests."""
    manifest = facts | {"format": _FORMAT, "files": dict(files), "folder": Path(folder).as_posix()}
    manifest["seal"] = seal_of(manifest)
    write_text(Path(folder) / MANIFEST, json.dumps(manifest, indent=1, sort_keys=True) + "\n")
    drop_leftovers(folder)


def seal_of(manifest: Mapping[str, Any]) -> str:
    """The digest of a manifest without its seal."""
    rest = {name: value for name, value in manifest.items() if name != "seal"}
    return blake3(json.dumps(rest, sort_keys=True).encode()).hexdigest()


def read_manifest(folder: Path) -> dict[str, Any]:
    """The manifest of a stage's folder. Raises DamagedFile if it is missing or not as written."""
    path = Path(folder) / MANIFEST
    manifest = read_json(path)
    if manifest.get("format") != _FORMAT:
        raise DamagedFile(
            path,
            f"has format {manifest.get('format')}, this version reads {_FORMAT}: use the version "
            "of lifelong that wrote it",
            remove=path.parent,
        )
    if manifest.get("seal") != seal_of(manifest):
        raise DamagedFile(path, "is not what was written")
    return manifest


def check_place(path: Path) -> None:
    """That a stage's file is what its stage wrote at this very path. Raises DamagedFile."""
    path = Path(path)
    folder = read_manifest(path.parent)["folder"]
    if folder != path.parent.as_posix():
        raise DamagedFile(
            path, f"does not belong there, its manifest is that of {folder}", remove=path.parent
        )
    if path.name != MANIFEST:
        verified(path)


def verified(path: Path | Piece) -> str:
    """The digest of a stage's file, after comparing it with the manifest beside it.

    A piece of a packed file was compared with that file's seal.

    Raises DamagedFile where the manifest does not name the file or the bytes differ.
    """
    if isinstance(path, Piece):
        return path.digest
    path = Path(path)
    expected = read_manifest(path.parent)["files"].get(path.name)
    if expected is None:
        raise DamagedFile(
            path, f"is not named in {path.parent / MANIFEST}", remove=path.parent / MANIFEST
        )
    if not path.is_file():
        raise DamagedFile.missing(path)
    if digest_once(path) != expected:
        raise DamagedFile(path, "is not what was written")
    return expected
