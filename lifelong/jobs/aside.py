"""What is about to be made again is set aside until it has been: it may come out as it was.

Snakemake removes a stage's files before it runs it, and runs whatever depends on it as well. So a
folder of pictures that is packed again with the same bytes, a start that is undone or a stage that
fails would cost all that had been learned. Here a stage that is asked for what it made before, from
the same bytes under the same settings, takes that back.
"""

import contextlib
import json
import os
import shutil
from collections.abc import Iterable
from pathlib import Path

from lifelong.plan.errors import UserError
from lifelong.plan.paths import MANIFEST
from lifelong.plan.specs import canonical
from lifelong.plan.stage import Stage

FOLDER = ".before"  # in a stage's own: hard links, which take no space


def set_aside(folders: Iterable[Path]) -> None:
    """Keep what finished stages wrote under second names, where the disk can.

    Rungs need none, as Snakemake does not know them. Reads manifests alone.
    """
    for folder in folders:
        if not _is_aside(folder):
            with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
                _set_aside(folder)


def _set_aside(folder: Path) -> None:
    wrote = json.loads((folder / MANIFEST).read_text())["files"]
    for left in folder.glob(f"{FOLDER}.*"):  # by a killed run
        shutil.rmtree(left, ignore_errors=True)
    unfinished = folder / f"{FOLDER}.{os.getpid()}"
    try:
        unfinished.mkdir()
        for name in (*wrote, MANIFEST):
            if not name.startswith("ratio-"):
                os.link(folder / name, unfinished / name)
        forget(folder)
        unfinished.rename(folder / FOLDER)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def _is_aside(folder: Path) -> bool:
    kept = folder / FOLDER / MANIFEST
    return kept.exists() and kept.samefile(folder / MANIFEST)


def forget(folder: Path) -> None:
    """Drop what was set aside: the stage has been made again, or nothing is wrong with it."""
    if (folder / FOLDER).is_dir():
        shutil.rmtree(folder / FOLDER)


def take_back(stage: Stage) -> bool:
    """Whether the stage's files are there again, because they would come out as they were."""
    kept = Path(stage.folder, FOLDER)
    if not (kept / MANIFEST).is_file():
        return False
    from lifelong import store  # h5py, which a job that hands its stage over does without

    try:
        manifest = store.read_manifest(kept)
        inputs = {path: store.digest_once(Path(path)) for path in stage.files_read()}
        asked = (canonical(stage.spec), inputs, stage.folder)
        made = (canonical(manifest["spec"]), manifest["inputs"], manifest["folder"])
        if asked != made or not _is_whole(stage, manifest["files"]):
            return False
    except UserError:  # damaged, or it cannot be read: it is made again
        return False
    for name in (*manifest["files"], MANIFEST):
        if (kept / name).exists():
            again = kept / f"{name}.again"
            again.unlink(missing_ok=True)
            os.link(kept / name, again)
            os.utime(again)
            os.replace(again, stage.path(name))
    forget(Path(stage.folder))
    return True


def _is_whole(stage: Stage, files: dict[str, str]) -> bool:
    """Whether all that a stage wrote is there, aside or in its place, as it was."""
    from lifelong import store

    for name, digest in files.items():
        kept = Path(stage.folder, FOLDER, name)
        path = kept if kept.is_file() else Path(stage.path(name))
        if not path.is_file() or store.digest_once(path) != digest:
            return False
    return True
