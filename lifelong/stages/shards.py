"""Shards as files: written once, verified when read, assembled to a model in task order."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from lifelong import store
from lifelong.masks import Model, Shard
from lifelong.masks.shard import from_arrays, to_arrays
from lifelong.plan.errors import DamagedFile

_OF_A_RUN = ("experiment", "method", "seed")


def save(path: Path, shard: Shard) -> str:
    """Write a shard or a working file of the same form; returns its digest."""
    return store.write_arrays(path, *to_arrays(shard))


def load(path: Path) -> Shard:
    """Read a shard. Raises DamagedFile where the file is damaged or no shard."""
    try:
        return from_arrays(*store.read_arrays(path))
    except (KeyError, TypeError, ValueError) as error:
        raise DamagedFile(f"{path} is not laid out as a shard ({error}): delete it") from error
    except DamagedFile as error:
        raise DamagedFile(str(error) if str(path) in str(error) else f"{path} {error}") from error


def verified(path: Path) -> Shard:
    """Read a shard after comparing its bytes with the manifest beside it."""
    store.verified(path)
    return load(path)


def read_model(paths: Iterable[str | Path], expected: Mapping[str, Any] | None = None) -> Model:
    """Assemble shards from their files, each checked against its manifest and its lineage.

    `expected` gives the experiment, method and seed that they must belong to.
    Raises DamagedFile for a shard of another run.
    """
    model = Model()
    digests: list[str] = []
    wanted = {name: value for name, value in (expected or {}).items() if name in _OF_A_RUN}
    for path in map(Path, paths):
        digest = store.verified(path)
        shard = load(path)
        for name, value in wanted.items():
            if getattr(shard.card, name) != value:
                raise DamagedFile(
                    f"{path} is of {name} {getattr(shard.card, name)}, not {value}: "
                    "it belongs to another run; delete it and run again"
                )
        if not shard.card.alone and list(shard.card.lineage) != digests:
            raise DamagedFile(
                f"{path} was learned on top of other tasks than those before it: "
                "it belongs to another run; delete it and run again"
            )
        model.add(shard)
        digests.append(digest)
    return model


def finished_model(folder: Path) -> tuple[Model, list[Path]]:
    """The model in a folder such as results/digits/cpg/s0: all finished shards, in task order.

    Raises DamagedFile where there is none.
    """
    paths = sorted(folder.glob("*/retrain/shard.h5")) or sorted(folder.glob("*/baseline/shard.h5"))
    paths = [path for path in paths if (path.parent / "manifest.json").is_file()]
    if not paths:
        raise DamagedFile(f"{folder} holds no finished model: name a folder like results/x/cpg/s0")
    paths.sort(key=lambda path: load(path).card.position)
    return read_model(paths), paths
