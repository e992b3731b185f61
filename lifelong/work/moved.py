"""A network of its own that was trained when its task had another position is not trained again."""

import logging
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from lifelong import store
from lifelong.masks import Shard
from lifelong.masks.shard import Part
from lifelong.plan.errors import DamagedFile
from lifelong.plan.specs import canonical, plain
from lifelong.plan.stage import Stage
from lifelong.records.rows import Row, read
from lifelong.work import shards
from lifelong.work.seal import input_digests
from lifelong.work.work import commit

log = logging.getLogger(__name__)


def moved_here(stage: Stage) -> bool:
    """Whether the stage's network was found at another position, and copied from there.

    It has to have been trained from the same images under the same settings, and to be whole.
    """
    if any(stage.spec.sources):
        return False  # another task's network is where it began
    task = Path(stage.folder).parent
    for folder in sorted(task.parent.glob(f"[0-9]*-*/{stage.kind}")):
        if folder != Path(stage.folder) and folder.parent.name.partition("-")[2] == stage.spec.task:
            try:
                if _same(stage, manifest := store.read_manifest(folder)):
                    _copy(stage, folder, manifest)
                    return True
            except DamagedFile as error:
                log.info("%s; the network is trained anew", error)
    return False


def _same(stage: Stage, manifest: Mapping[str, Any]) -> bool:
    """Whether the position is all that differs."""
    ours, theirs = plain(stage.spec), dict(manifest["spec"])
    theirs["position"] = ours["position"]
    return canonical(theirs) == canonical(ours) and manifest["inputs"] == input_digests(stage)


def _copy(stage: Stage, folder: Path, manifest: Mapping[str, Any]) -> None:
    networks = [name for name in manifest["files"] if name.endswith(".h5")]  # of all repetitions
    for name in (*networks, "record.csv"):
        store.verified(folder / name)
    files = {name: _copied(folder / name, stage) for name in networks}
    first = Path(stage.path("shard.h5"))
    rows = [_of_file(row, first) for row in read(folder / "record.csv")]
    log.info("copied from %s, where the task was before", folder)
    commit(stage, files, rows, manifest["outcome"])


def _copied(source: Path, stage: Stage) -> str:
    """The digest of the network's copy, which says where its task is now."""
    working = store.read_attrs(source)["working"]  # a head on frozen weights is finished at once
    network: Shard | Part = shards.load(source) if working else shards.load_part(source)
    card = replace(network.card, position=stage.spec.position)
    return shards.save(Path(stage.path(source.name)), replace(network, card=card))


def _of_file(row: Row, path: Path) -> Row:
    return replace(row, value=float(path.stat().st_size)) if row.metric == "bytes_file" else row
