"""A finished model, read from its folder."""

from pathlib import Path
from typing import Any

from lifelong import store
from lifelong.families import family_of
from lifelong.plan.errors import DamagedFile
from lifelong.work.shards import base_of


def finished_model(folder: Path) -> tuple[Any, list[Path]]:
    """The model in a folder such as results/digits/cpg/s0: all finished shards, in task order.

    It has `shards` with the cards of its tasks, and `view(position, device)` of each. Raises
    DamagedFile where there is none.
    """
    paths = [
        path for path in folder.glob("*/*/shard.h5") if (path.parent / "manifest.json").is_file()
    ]
    if not paths:
        raise DamagedFile(f"{folder} holds no finished model: name a folder like results/x/cpg/s0")
    paths.sort(key=_position)
    return family_of(base_of(paths[0])).read(paths), paths


def _position(path: Path) -> int:
    try:
        return int(store.read_attrs(path)["card"]["position"])
    except KeyError as error:
        raise DamagedFile(f"{path} is no shard of a model: delete it and run again") from error
