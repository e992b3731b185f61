"""A finished model, read from its folder."""

from pathlib import Path
from typing import Any

from lifelong import store
from lifelong.families import family_of
from lifelong.plan.errors import DamagedFile, UserError
from lifelong.use.order import MANIFEST, tasks_of
from lifelong.work.shards import base_of

_SHARD, _KINDS = "shard.h5", ("baseline", "retrain")  # and the stages that write it


def finished_model(folder: Path) -> tuple[Any, list[Path]]:
    """The model in a folder such as results/digits/cpg/s0, and the file of every task in order.

    It has `shards` with the cards of its tasks, and `view(position, device)` of each. Which tasks
    it has, and in which order, is what the newest tables or inference say; folders of tasks that
    were dropped, renamed or moved since are no part of it. Raises UserError where there is none,
    DamagedFile naming a shard that is gone, though its stage or a later task's stands.
    """
    paths = _shards(folder)
    if not paths:
        raise UserError(f"{folder} holds no finished model: name a folder like results/x/cpg/s0")
    model = family_of(base_of(paths[0])).read(paths)
    return model, _of_tasks(model, paths)


def _of_tasks(model: Any, paths: list[Path]) -> list[Path]:
    """The file of every task; one that holds a lesson is that of all its tasks."""
    lasts = {int(store.read_attrs(path)["card"]["position"]): path for path in paths}
    files = []
    for position in range(1, len(model.shards) + 1):
        files.append(lasts[min(last for last in lasts if last >= position)])
    return files


def _shards(folder: Path) -> list[Path]:
    seals = [path for kind in _KINDS for path in folder.glob(f"*/{kind}/{MANIFEST}")]
    made = {path.parents[1].name: path.with_name(_SHARD) for path in seals}
    for path in made.values():
        if not path.is_file():
            raise DamagedFile.missing(path)
    names = tasks_of(folder) if made else None
    if names is None:
        names = _by_lineage(made)
    # Up to the first task that has not been learned, or not yet.
    upto = next((place for place, name in enumerate(names) if name not in made), len(names))
    if any(name in made for name in names[upto:]):
        raise DamagedFile.missing(folder / names[upto] / seals[0].parent.name / _SHARD)
    return [made[name] for name in names[:upto]]


def _by_lineage(made: dict[str, Path]) -> list[str]:
    """The tasks in their order, with those that a later one was learned on and that are gone."""
    names = []
    for name in sorted(made, key=lambda name: _position(made[name])):
        inputs = store.read_manifest(made[name].parent)["inputs"]
        before = [Path(path).parts[-3] for path in inputs if path.endswith(f"/{_SHARD}")]
        names += [one for one in before if one not in names] + [name]
    return names


def _position(path: Path) -> int:
    try:
        return int(store.read_attrs(path)["card"]["position"])
    except KeyError as error:
        raise DamagedFile(path, "is no shard of a model") from error
