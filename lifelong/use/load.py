"""A finished model, read from its folder."""

from pathlib import Path
from typing import Any

from lifelong import store
from lifelong.families import family_of
from lifelong.plan.errors import DamagedFile
from lifelong.use.order import MANIFEST, tasks_of
from lifelong.work.shards import base_of


def finished_model(folder: Path) -> tuple[Any, list[Path]]:
    """The model in a folder such as results/digits/cpg/s0: all finished shards, in task order.

    It has `shards` with the cards of its tasks, and `view(position, device)` of each. Which tasks
    it has, and in which order, is what the newest tables or inference say; folders of tasks that
    were dropped, renamed or moved since are no part of it. Raises DamagedFile where there is none.
    """
    paths = _shards(folder)
    if not paths:
        raise DamagedFile(f"{folder} holds no finished model: name a folder like results/x/cpg/s0")
    return family_of(base_of(paths[0])).read(paths), paths


def _shards(folder: Path) -> list[Path]:
    paths = [path for path in folder.glob("*/*/shard.h5") if (path.parent / MANIFEST).is_file()]
    paths.sort(key=_position)
    names = tasks_of(folder) if paths else None
    if names is None:
        return paths
    by_task = {path.parent.parent.name: path for path in paths}
    ordered = []
    for name in names:  # up to the first that has not been learned, or not yet
        if name not in by_task:
            break
        ordered.append(by_task[name])
    return ordered


def _position(path: Path) -> int:
    try:
        return int(store.read_attrs(path)["card"]["position"])
    except KeyError as error:
        raise DamagedFile(f"{path} is no shard of a model: delete it and run again") from error
