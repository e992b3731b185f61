"""Shards as files: written once, verified when read, assembled to a model in task order."""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from lifelong import store
from lifelong.joint.model import LessonModel
from lifelong.joint.part import Lesson, lesson_from
from lifelong.joint.part import to_arrays as lesson_arrays
from lifelong.layers.model import LayerModel
from lifelong.layers.part import LayerCard, LayerPart
from lifelong.layers.part import part_from as layers_from
from lifelong.masks import Model, Shard
from lifelong.masks.ground import PRETRAINED
from lifelong.masks.layout import part_from, shard_from, to_arrays
from lifelong.masks.shard import Part
from lifelong.methods import LayerMethod, layer_method
from lifelong.plan.card import Card
from lifelong.plan.errors import DamagedFile, Misfit
from lifelong.plan.paths import ground_beside
from lifelong.plan.specs import TaskSpec

_OF_A_RUN = ("experiment", "method", "seed")
File = Path | store.Piece
_Form = TypeVar("_Form", Shard, Part, LayerPart, Lesson)


def save(path: Path, task: Shard | Part, **facts: Any) -> str:
    """Write a task's part of the model, or a working file of a task, with further facts of it.

    Returns the file's digest.
    """
    arrays, attrs = to_arrays(task)
    return store.write_arrays(path, arrays, attrs | facts)


def load(path: Path) -> Shard:
    """Read a working file. Raises DamagedFile where the file is damaged or no such file."""
    return _read(path, shard_from)


def load_part(path: File, picks: bool = True) -> Part:
    """Read a task's part of the model, or a network that shares nothing, as `load` does.

    Without `picks` it is enough to learn another task on, not to be used itself.
    """
    return _read(path, part_from, () if picks else ("picks",))


def verified(path: Path) -> Shard:
    """Read a working file after comparing its bytes with the manifest beside it."""
    store.verified(path)
    return load(path)


def load_ground(path: File) -> Part:
    """Read the pretrained weights of an experiment after comparing them with their manifest."""
    store.verified(path)
    return load_part(path)


def read_model(
    paths: Iterable[File],
    expected: TaskSpec | None = None,
    views: bool = True,
    picks: bool = True,
    ground: File | None = None,
) -> Model:
    """Assemble shards from their files, each checked against its manifest and its lineage.

    `ground` holds the pretrained weights that they stand on; without it they may come first among
    the files, or the experiment's are taken where the first shard says that it stands on some.

    `expected` gives the experiment, method and seed that they must belong to, each at its position
    in the order of `paths`. Without `views` the
    model is for learning on: all weights and owners, but of the tasks' own tensors only the
    newest's, so that it takes the same memory after many tasks as after few. Without `picks` too,
    which takes less time, no task that picks can be written on top of it in the fewest bytes.
    Raises DamagedFile for a shard of another run.
    """
    files = list(paths)
    if ground is None:
        files = with_ground(files)
        ground = files.pop(0) if files and is_ground(files[0]) else None
    model = Model(None if ground is None else load_ground(ground))
    digests = [] if ground is None else [store.verified(ground)]
    for position, path in enumerate(files, 1):
        digest = store.verified(path)
        part = load_part(path, picks=views or picks)
        _check_card(path, part.card, position, digests, expected)
        _check_ground(path, part.card, digests[:1])
        try:
            model.add(part)
        except Misfit as error:
            raise DamagedFile(path, str(error), remove=path.parent) from error
        if len(model.shards) > 1 and not views:
            model.shards[-2] = replace(model.shards[-2], dense={}, picks=None)
        digests.append(digest)
    return model


def load_layers(path: File) -> LayerPart:
    """Read a task of the layer family, finished or a candidate, as `load` does."""
    return _read(path, layers_from)


def read_layers(
    paths: Iterable[File], method: LayerMethod, expected: TaskSpec | None = None
) -> LayerModel:
    """Assemble the tasks of a model of the layer family, checked as `read_model` does."""
    model = LayerModel(method.view)
    digests: list[str] = []
    for position, path in enumerate(paths, 1):
        digest = store.verified(path)
        part = load_layers(path)
        _check_card(path, part.card, position, digests, expected)
        model.add(part)
        digests.append(digest)
    return model


def save_lesson(path: Path, lesson: Lesson) -> str:
    """Write a lesson, finished or a candidate; returns the file's digest."""
    return store.write_arrays(path, *lesson_arrays(lesson))


def load_lesson(path: File) -> Lesson:
    """Read a lesson, finished or a candidate, as `load` does."""
    return _read(path, lesson_from)


def read_lessons(
    paths: Iterable[File], expected: TaskSpec | None = None, views: bool = True
) -> LessonModel:
    """Assemble the lessons of a model, checked as `read_model` does; the same for any `views`.

    A file that is named once for each of its tasks is read once.
    """
    model = LessonModel()
    digests: list[str] = []
    for path in dict.fromkeys(paths):
        digest = store.verified(path)
        lesson = load_lesson(path)
        for position, card in enumerate(lesson.cards, len(model.shards) + 1):
            _check_card(path, card, position, digests, expected)
        model.add(lesson)
        digests.append(digest)
    return model


def read_layer_model(
    paths: Sequence[File], expected: TaskSpec | None = None, views: bool = True
) -> LayerModel:
    """`read_layers` with the method that wrote the first shard; the same for any `views`."""
    return read_layers(paths, layer_method(base_of(paths[0])), expected)


def lineage(given: Sequence[str | Path]) -> list[Path]:
    """All shards that a task is learned on, oldest first; a stage's inputs name the newest.

    The manifest beside each names the one before it. Raises DamagedFile where it does not.
    """
    shards = [Path(path) for path in given[-1:]]
    while shards and (before := _shard_before(shards[-1])) is not None:
        shards.append(before)
    return shards[::-1]


def base_of(path: File) -> str:
    """The method that wrote a shard. Raises DamagedFile for a file that is none."""
    try:
        return str(_card_of(path)["base"])
    except KeyError as error:
        raise DamagedFile(path, "is no shard of a model") from error


def with_ground(shards: Sequence[File]) -> list[File]:
    """The files of a model, first the pretrained weights of its experiment if it stands on them.

    Raises DamagedFile where they are gone.
    """
    files = list(shards)
    for path in files[:1]:
        written = _card_of(path).get("ground") or {}
        if written.get("kind") == PRETRAINED and isinstance(path, Path):
            ground = Path(ground_beside(path.as_posix()))
            if not ground.is_file():
                raise DamagedFile.missing(ground)
            return [ground, *files]
    return files


def is_ground(path: File) -> bool:
    """Whether a file holds pretrained weights, and no task."""
    return _card_of(path).get("position") == 0


def _card_of(path: File) -> dict[str, Any]:
    try:
        card: dict[str, Any] = store.read_attrs(path)["card"]
        return dict(card)
    except (KeyError, TypeError, ValueError) as error:
        raise DamagedFile(path, "is no shard of a model") from error


def _check_ground(path: File, card: Card, digests: list[str]) -> None:
    """Raise DamagedFile for a shard that was learned on other pretrained weights."""
    ground = card.ground or {}
    if ground.get("kind") == PRETRAINED and [ground["digest"]] != digests:
        raise DamagedFile(path, "was learned on other weights: it belongs to another run")


def _shard_before(path: Path) -> Path | None:
    manifest = store.read_manifest(path.parent)
    spec = manifest["spec"]
    if spec["position"] == len(spec.get("lesson", [spec["task"]])):  # nothing comes before it
        return None
    shards = [name for name in manifest["inputs"] if name.endswith("/shard.h5")]
    if len(shards) != 1:
        raise DamagedFile(path, "was made by another version", remove=path.parent)
    return Path(shards[0])


def _check_card(
    path: File,
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
    path: File,
    form: Callable[[dict[str, Any], dict[str, Any]], _Form],
    without: Collection[str] = (),
) -> _Form:
    try:
        return form(*store.read_arrays(path, without=without))
    except (KeyError, TypeError, ValueError) as error:
        raise DamagedFile(path, f"is not laid out as a shard ({error})") from error
    except Misfit as error:
        raise DamagedFile(path, str(error)) from error
