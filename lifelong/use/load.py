"""A finished model, read from its folder or from one packed file."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lifelong import store
from lifelong.families import family_of
from lifelong.plan.errors import DamagedFile, UserError
from lifelong.plan.paths import MANIFEST
from lifelong.use.order import tasks_of
from lifelong.work.shards import File, base_of, is_ground

_SHARD, _KINDS = "shard.h5", ("baseline", "retrain")  # and the stages that write it
_SHOWN = 5  # models in a message


def finished_model(path: Path) -> tuple[Any, Sequence[File]]:
    """The model in a folder such as results/digits/cpg/s0, and the file of every task in order.

    `path` may also be a file that `lifelong export --to packed` wrote.

    It has `shards` with the cards of its tasks, and `view(position, device)` of each. Which tasks
    it has, and in which order, is what the newest tables or inference say; folders of tasks that
    were dropped, renamed or moved since are no part of it. Raises UserError where there is none,
    DamagedFile naming a shard that is gone, though its stage or a later task's stands; DataError
    for a file that is no packed model, or a damaged one.
    """
    files = store.read_packed(path) if path.is_file() else _shards(path)
    if not files:
        raise UserError(f"{path} holds no finished model: name {_models_near(path)}")
    model = family_of(base_of(files[-1])).read(files)
    return model, _of_tasks(model, files[1:] if is_ground(files[0]) else files)


def _of_tasks(model: Any, paths: Sequence[File]) -> Sequence[File]:
    """The file of every task; one that holds a lesson is that of all its tasks."""
    if len(paths) == len(model.shards):
        return paths
    lasts = {int(store.read_attrs(path)["card"]["position"]): path for path in paths}
    files = []
    for position in range(1, len(model.shards) + 1):
        files.append(lasts[min(last for last in lasts if last >= position)])
    return files


def _models_near(folder: Path) -> str:
    """Those below a folder, or else near it; an example where there are none."""
    deep = ("", "*/", "*/*/")
    for place, depths in ((folder, deep), (folder.parent, deep), (folder.parent.parent, deep[:1])):
        runs = {
            seal.parents[2]
            for above in depths
            for kind in _KINDS
            for seal in place.glob(f"{above}s[0-9]*/*/{kind}/{MANIFEST}")
        }
        if runs:
            shown = sorted(map(str, runs))
            more = f" and {len(shown) - _SHOWN} more" if len(shown) > _SHOWN else ""
            return f"one that does: {', '.join(shown[:_SHOWN])}{more}"
    return "a folder like results/x/cpg/s0"


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
