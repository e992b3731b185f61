"""A finished model as a file that leaves: packed for us, or a task in a format of others."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch

from lifelong import __version__, store
from lifelong.plan.card import Card
from lifelong.plan.errors import UserError
from lifelong.use.finished import Finished
from lifelong.use.onnx_file import onnx_bytes
from lifelong.use.pixels import FromPixels
from lifelong.work.shards import with_ground

PACKED = ".lifelong"
_OF_CARD = (
    *("experiment", "method", "seed", "task", "classes", "network", "channels", "width", "head"),
    *("in_channels", "image_size", "crop", "mean", "std", "channel_order", "pixel_order"),
    *("noise", "framing", "alignment", "input_size", "standardise"),
)


def export(
    run: Path, form: str, tasks: Sequence[str] = (), output: Path | None = None, force: bool = False
) -> list[Path]:
    """Write a model as "packed", or tasks of it as "onnx", "safetensors" or "torch".

    `output` is the file for packed, else the folder of a file per task; without one they are named
    after the model, in the working folder. Without `tasks` all are written. Returns the files.
    Raises UserError where one exists and `force` is not given, or a task cannot be written.
    """
    model = Finished(run, "cpu")
    first = model.cards[0]
    name = f"{first.experiment}-{first.method}-s{first.seed}"
    positions = [model.position(task) for task in tasks] or range(1, len(model.cards) + 1)
    if form == "packed":
        if tasks:
            raise UserError("a packed file holds all tasks, which share weights: leave --task out")
        path = output or Path(name + PACKED)
        _check_free([path], force)
        _pack(path, model)
        return [path]
    suffix, write = _FORMS[form]
    folder = output or Path(name)
    paths = [folder / f"{model.cards[at - 1].task}{suffix}" for at in positions]
    _check_free(paths, force)
    for path, at in zip(paths, positions, strict=True):
        write(path, model.cards[at - 1], model.fresh(at))
    return paths


def _check_free(paths: Sequence[Path], force: bool) -> None:
    if there := [path for path in paths if path.exists() and not force]:
        raise UserError(
            f"{there[0]} exists: name another place by --output, or give --force to replace it"
        )


def _pack(path: Path, model: Finished) -> None:
    files = [file for file in dict.fromkeys(model.files) if isinstance(file, Path)]
    if not files:
        raise UserError(f"{model.path} is a packed file already: copy it")
    store.write_packed(path, [Path(file) for file in with_ground(files)])


def _onnx(path: Path, card: Card, network: Any) -> None:
    _check_noise(card, "ONNX")
    if (card.framing or {}).get("quality"):
        raise UserError(
            f"the images of task {card.task} were kept as JPEG, which costs some of their pixels "
            "and which ONNX cannot: use --to packed"
        )
    content = onnx_bytes(card, network, facts_of(card))
    with store.replacing(path) as temporary:
        temporary.write_bytes(content)


def _safetensors(path: Path, card: Card, network: Any) -> None:
    """The network's state dict, and the facts of the task as metadata."""
    try:
        from safetensors.torch import save_file
    except ImportError as error:
        raise UserError(f"{error.name} is missing: pip install 'lifelong[export]'") from error
    state = {name: tensor.contiguous() for name, tensor in network.state_dict().items()}
    if not state:
        raise UserError(
            f"the network of task {card.task} keeps its weights where no state dict has them: use "
            "--to packed, onnx or torch"
        )
    with store.replacing(path) as temporary:
        save_file(state, temporary, metadata=facts_of(card))


def _program(path: Path, card: Card, network: Any) -> None:
    """A program of torch.export, which runs without this package: uint8 (N, C, S, S) to logits."""
    _check_noise(card, "a program of torch.export")
    side = card.image_size
    images = torch.zeros(2, card.in_channels, side, side, dtype=torch.uint8)
    batch = ({0: torch.export.Dim("batch")},)
    program = torch.export.export(FromPixels(card, network), (images,), dynamic_shapes=batch)
    with store.replacing(path) as temporary, temporary.open("wb") as file:
        torch.export.save(program, file, extra_files=facts_of(card))


_FORMS: dict[str, tuple[str, Callable[[Path, Card, Any], None]]] = {
    "onnx": (".onnx", _onnx),
    "safetensors": (".safetensors", _safetensors),
    "torch": (".pt2", _program),
}


def facts_of(card: Card) -> dict[str, str]:
    """What there is to know of a task beside its weights; values that are no texts as JSON."""
    facts = {name: getattr(card, name) for name in _OF_CARD} | {"lifelong": __version__}
    return {
        name: value if isinstance(value, str) else json.dumps(value, sort_keys=True)
        for name, value in facts.items()
    }


def _check_noise(card: Card, form: str) -> None:
    if card.noise:
        raise UserError(
            f"task {card.task} puts noise on every picture, drawn from the picture itself, which "
            f"{form} cannot: use --to packed"
        )
