"""Shards as files: written once, verified when read, assembled to a model in task order."""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from lifelong import store
from lifelong.layers.model import LayerModel
from lifelong.layers.part import LayerCard, LayerPart
from lifelong.layers.part import part_from as layers_from
from lifelong.masks import Model, Shard
from lifelong.masks.ground import PRETRAINED
from lifelong.masks.layout import part_from, shard_from, to_arrays
from lifelong.masks.shard import Part
from lifelong.methods import LayerMethod
from lifelong.plan.card import Card
from lifelong.plan.errors import DamagedFile, Misfit
from lifelong.plan.paths import ground_beside
from lifelong.plan.specs import TaskSpec

_OF_A_RUN = ("experiment", "method", "seed")
_Form = TypeVar("_Form", Shard, Part, LayerPart)


def save(path: Path, task: Shard | Part, **facts: Any) -> str:
    """Write a task's part of the model, or a working file of a task, with further facts of it.

    Returns the file's digest.
    """
    arrays, attrs = to_arrays(task)
    return store.write_arrays(path, arrays, attrs | facts)


def load(path: Path) -> Shard:
    """Read a working file. Raises DamagedFile where the file is damaged or no such file."""
    return _read(path, shard_from)


def load_part(path: Path, picks: bool = True) -> Part:
    """Read a task's part of the model, or a network that shares nothing, as `load` does.

    Without `picks` it is enough to learn another task on, not to be used itself.
    """
    return _read(path, part_from, () if picks else ("picks",))


def verified(path: Path) -> Shard:
    """Read a working file after comparing its bytes with the manifest beside it."""
    store.verified(path)
    return load(path)


def load_ground(path: Path) -> Part:
    """Read the pretrained weights of an experiment after comparing them with their manifest."""
    store.verified(path)
    return load_part(path)


def read_model(
    paths: Iterable[str | Path],
    expected: TaskSpec | None = None,
    views: bool = True,
    ground: Path | None = None,
) -> Model:
    """Assemble shards from their files, each checked against its manifest and its lineage.

    `ground` holds the pretrained weights that they stand on; without it the experiment's are taken,
    where the first shard says that it stands on some.

    `expected` gives the experiment, method and seed that they must belong to, each at its position
    in the order of `paths`. Without `views` the
    model is for learning on: all weights and owners, but of the tasks' own tensors only the
    newest's, so that it takes the same memory after many tasks as after few.
    Raises DamagedFile for a shard of another run.
    """
    files = [Path(path) for path in paths]
    ground = ground or _ground_of(files)
    model = Model(None if ground is None else load_ground(ground))
    digests = [] if ground is None else [store.verified(ground)]
    for position, path in enumerate(files, 1):
        digest = store.verified(path)
        part = load_part(path, picks=views)
        _check_card(path, part.card, position, digests, expected)
        _check_ground(path, part.card, digests[:1])
        if model.shards and not views:
            model.shards[-1] = replace(model.shards[-1], dense={})
        try:
            model.add(part)
        except Misfit as error:
            raise DamagedFile(path, str(error), remove=path.parent) from error
        digests.append(digest)
    return model


def load_layers(path: Path) -> LayerPart:
    """Read a task of the layer family, finished or a candidate, as `load` does."""
    return _read(path, layers_from)


def read_layers(
    paths: Iterable[str | Path], method: LayerMethod, expected: TaskSpec | None = None
) -> LayerModel:
    """Assemble the tasks of a model of the layer family, checked as `read_model` does."""
    model = LayerModel(method.view)
    digests: list[str] = []
    for position, path in enumerate(map(Path, paths), 1):
        digest = store.verified(path)
        part = load_layers(path)
        _check_card(path, part.card, position, digests, expected)
        model.add(part)
        digests.append(digest)
    return model


def lineage(given: Sequence[str | Path]) -> list[Path]:
    """All shards that a task is learned on, oldest first; a stage's inputs name the newest.

    The manifest beside each names the one before it. Raises DamagedFile where it does not.
    """
    shards = [Path(path) for path in given[-1:]]
    while shards and (before := _shard_before(shards[-1])) is not None:
        shards.append(before)
    return shards[::-1]


def base_of(path: Path) -> str:
    """The method that wrote a shard. Raises DamagedFile for a file that is none."""
    try:
        return str(store.read_attrs(path)["card"]["base"])
    except KeyError as error:
        raise DamagedFile(path, "is no shard of a model") from error


def _ground_of(shards: list[Path]) -> Path | None:
    """The pretrained weights of the experiment that shards belong to, if the first one needs them.

    Raises DamagedFile where they are gone.
    """
    for path in shards[:1]:
        try:
            written = store.read_attrs(path)["card"].get("ground") or {}
        except (KeyError, AttributeError) as error:
            raise DamagedFile(path, "is no shard of a model") from error
        if written.get("kind") == PRETRAINED:
            ground = Path(ground_beside(path.as_posix()))
            if not ground.is_file():
                raise DamagedFile.missing(ground)
            return ground
    return None


def _check_ground(path: Path, card: Card, digests: list[str]) -> None:
    """Raise DamagedFile for a shard that was learned on other pretrained weights."""
    ground = card.ground or {}
    if ground.get("kind") == PRETRAINED and [ground["digest"]] != digests:
        raise DamagedFile(path, "was learned on other weights: it belongs to another run")


def _shard_before(path: Path) -> Path | None:
    manifest = store.read_manifest(path.parent)
    if manifest["spec"]["position"] == 1:
        return None
    shards = [name for name in manifest["inputs"] if name.endswith("/shard.h5")]
    if len(shards) != 1:
        raise DamagedFile(path, "was made by another version", remove=path.parent)
    return Path(shards[0])


def _check_card(
    path: Path,
    card: Card | LayerCard,
    position: int,
    before: list[str],
    expected: TaskSpec | None,
) -> None:
    """Raise DamagedFile for a shard of another run, or learned after other tasks."""
    wanted = {name: getattr(expected, name) for name in _OF_A_RUN} if expected else {}
    for name, value in (wanted and {**wanted, "position": position}).items():
        if getattr(card, name) != value:
            raise DamagedFile(
                path,
                f"is of {name} {getattr(card, name)}, not {value}: it belongs to another run",
            )
    if not card.alone and list(card.lineage) != before:
        raise DamagedFile(
            path,
            "was learned on top of other tasks than those before it: it belongs to another run",
        )


def _read(
    path: Path,
    form: Callable[[dict[str, Any], dict[str, Any]], _Form],
    without: Collection[str] = (),
) -> _Form:
    try:
        return form(*store.read_arrays(path, without=without))
    except (KeyError, TypeError, ValueError) as error:
        raise DamagedFile(path, f"is not laid out as a shard ({error})") from error
    except Misfit as error:
        raise DamagedFile(path, str(error)) from error
