"""Shards and parts as a few flat arrays, and attributes that say how to cut them."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from lifelong.masks.codebook import packed_codes, unpacked
from lifelong.masks.coded import coded, decoded
from lifelong.masks.places import EVERY, Places, code_parts, decode, encode, fit, mask_of
from lifelong.masks.shard import Arrays, Part, Shard
from lifelong.plan.card import Card, card_from, written_card
from lifelong.plan.errors import Misfit

_CODED = ("owned", "picks", "used", "codes")


def to_arrays(task: Shard | Part) -> tuple[Arrays, dict[str, Any]]:
    """A shard or a part, laid out; empty arrays are left out."""
    names = list(task.values)
    codes = {name: encode(*_places(task, name)) for name in names}
    arrays = {
        "dense": _joined([task.dense[name].ravel() for name in task.dense], np.float32),
        "owned": _joined([code for _, code in codes.values()], np.uint8),
    }
    if task.centres is None:
        arrays["values"] = _joined([task.values[name] for name in names], np.float32)
    else:
        arrays["centres"] = _joined([task.centres[name] for name in names], np.float32)
        arrays["codes"] = packed_codes(task.values, task.centres)
    flips = False
    if isinstance(task, Part):
        flips, picks = _shorter_picks(task)
        arrays |= {} if picks is None else {"picks": picks}
    elif task.picks is not None:
        arrays["picks"] = packed(task.picks)
    if isinstance(task, Shard) and task.scores is not None:
        arrays["scores"] = _joined([task.scores[name] for name in names], np.float32)
    if isinstance(task, Shard) and task.ranks is not None and task.used is not None:
        arrays["ranks"] = _joined([task.ranks[name] for name in names], np.float32)
        arrays["used"] = packed({name: task.used[name] for name in names})
    if not arrays["owned"].size:
        del arrays["owned"]
    sizes = {name: arrays[name].size for name in _CODED if name in arrays}
    arrays |= {name: coded(arrays[name]) for name in sizes}
    sizes = {name: size for name, size in sizes.items() if arrays[name].size < size}
    attrs = {
        "kind": "shard",
        "working": isinstance(task, Shard),
        "card": written_card(task.card),
        "layers": [
            {
                "name": name,
                "shape": list(task.shapes[name]),
                "owned": int(task.values[name].size),
                "capacity": _places(task, name)[1],
                "older": _older(task, name),
                "form": form,
                "bytes": int(code.size),
            }
            for name, (form, code) in codes.items()
        ],
        "dense": [[name, list(array.shape)] for name, array in task.dense.items()],
    }
    if task.centres is not None:
        attrs["centres"] = [int(task.centres[name].size) for name in names]
    if sizes:
        attrs["coded"] = sizes  # of these arrays, before
    if flips:
        attrs["flips"] = True
    return arrays, attrs


def shard_from(arrays: Arrays, attrs: Mapping[str, Any]) -> Shard:
    """The shard that `to_arrays` laid out. Raises Misfit for anything else."""
    arrays = plain_arrays(arrays, attrs)
    names, counts = _counts(attrs)
    if not attrs["working"]:
        raise Misfit("is a finished task, no working file")
    picks = scores = None
    if "picks" in arrays:
        bits = np.unpackbits(arrays["picks"], count=sum(counts["older"])).view(bool)
        picks = _split(bits, names, counts["older"])
    if "scores" in arrays:
        scores = _split(arrays["scores"], names, counts["older"])
    ranks = used = None
    if "ranks" in arrays:
        entries = [int(np.prod(shape)) for shape in _shapes(attrs).values()]
        ranks = _split(arrays["ranks"], names, entries)
        bits = np.unpackbits(arrays["used"], count=sum(entries)).view(bool)
        used = _split(bits, names, entries)
    sizes = dict(zip(names, counts["capacity"], strict=True))
    return Shard(
        card=card_from(Card, attrs["card"]),
        shapes=_shapes(attrs),
        values=_values(arrays, attrs, names, counts["owned"]),
        centres=_centres(arrays, attrs, names),
        owned={name: mask_of(one, sizes[name]) for name, one in _decoded(arrays, attrs).items()},
        picks=picks,
        dense=_dense(arrays["dense"], attrs["dense"]),
        scores=scores,
        ranks=ranks,
        used=used,
    )


def part_from(arrays: Arrays, attrs: Mapping[str, Any]) -> Part:
    """The part that `to_arrays` laid out; the working file of a task without older ones will do.

    Raises Misfit for anything else.
    """
    arrays = plain_arrays(arrays, attrs)
    names, counts = _counts(attrs)
    shapes = _shapes(attrs)
    if counts["capacity"] != [int(np.prod(shape)) for shape in shapes.values()]:
        raise Misfit("is a working file, no finished task")
    return Part(
        card=card_from(Card, attrs["card"]),
        shapes=shapes,
        values=_values(arrays, attrs, names, counts["owned"]),
        centres=_centres(arrays, attrs, names),
        places=_decoded(arrays, attrs),
        picks=arrays.get("picks"),
        flips=bool(attrs.get("flips", False)),
        older=dict(zip(names, counts["older"], strict=True)),
        dense=_dense(arrays["dense"], attrs["dense"]),
    )


def packed(masks: Mapping[str, np.ndarray]) -> np.ndarray:
    """Masks of several layers as bits, one after another."""
    return np.packbits(_joined(list(masks.values()), bool))


def _shorter_picks(task: Part) -> tuple[bool, np.ndarray | None]:
    """The picks, or where they differ from the task before's if that is shorter, and which it is.

    Tasks that carry their scores over change few picks: WSN at density 0.5 with 20 tasks needs
    0.76 bits per older weight for its picks, and 0.39 for their differences.
    """
    if task.picks is None or task.before is None:
        return task.flips, task.picks
    flips = task.picks ^ task.before
    shorter = coded(flips).size < coded(task.picks).size
    return shorter, flips if shorter else task.picks


def _centres(arrays: Arrays, attrs: Mapping[str, Any], names: list[str]) -> Arrays | None:
    return _split(arrays["centres"], names, attrs["centres"]) if "centres" in attrs else None


def _values(
    arrays: Arrays, attrs: Mapping[str, Any], names: list[str], counts: list[int]
) -> Arrays:
    centres = _centres(arrays, attrs, names)
    if centres is None:
        return _split(arrays["values"], names, counts)
    return unpacked(arrays["codes"], centres, dict(zip(names, counts, strict=True)))


def plain_arrays(arrays: Arrays, attrs: Mapping[str, Any]) -> Arrays:
    """The arrays with masks as they were before they were coded."""
    sizes = {name: size for name, size in attrs.get("coded", {}).items() if name in arrays}
    return arrays | {name: decoded(arrays[name], size) for name, size in sizes.items()}


def _places(task: Shard | Part, name: str) -> tuple[Places, int]:
    """A task's places in a layer, and below which number they lie."""
    if isinstance(task, Part):
        return task.places[name], int(np.prod(task.shapes[name]))
    owned = task.owned[name]
    return EVERY if owned.all() else np.flatnonzero(owned), int(owned.size)


def _older(task: Shard | Part, name: str) -> int:
    if isinstance(task, Part):
        return task.older[name]
    parts = [part for part in (task.picks, task.scores) if part is not None]
    return int(parts[0][name].size) if parts else 0


def _decoded(arrays: Arrays, attrs: Mapping[str, Any]) -> dict[str, Places]:
    layers = attrs["layers"]
    codes = arrays.get("owned", np.empty(0, np.uint8))
    decoded = {}
    parts = code_parts(codes, [int(layer["bytes"]) for layer in layers])
    for layer, code in zip(layers, parts, strict=True):
        places = decode(layer["form"], code, int(layer["capacity"]))
        if not fit(places, int(layer["capacity"]), int(layer["owned"])):
            raise Misfit(f"does not say where its weights of {layer['name']} lie")
        decoded[str(layer["name"])] = places
    return decoded


def _counts(attrs: Mapping[str, Any]) -> tuple[list[str], dict[str, list[int]]]:
    if attrs.get("kind") != "shard":
        raise Misfit("is no shard of a model")
    layers = attrs["layers"]
    keys = ("owned", "capacity", "older")
    counts = {key: [int(layer[key]) for layer in layers] for key in keys}
    return [str(layer["name"]) for layer in layers], counts


def _shapes(attrs: Mapping[str, Any]) -> dict[str, tuple[int, ...]]:
    return {str(layer["name"]): tuple(layer["shape"]) for layer in attrs["layers"]}


def _joined(parts: list[np.ndarray], dtype: Any) -> np.ndarray:
    return np.concatenate(parts).astype(dtype, copy=False) if parts else np.empty(0, dtype)


def _split(array: np.ndarray, names: list[str], sizes: list[int]) -> Arrays:
    return dict(zip(names, np.split(array, np.cumsum(sizes)[:-1]), strict=True))


def _dense(flat: np.ndarray, layout: list[Any]) -> Arrays:
    sizes = [int(np.prod(shape)) for _, shape in layout]
    parts = np.split(flat, np.cumsum(sizes)[:-1])
    return {name: p.reshape(shape) for (name, shape), p in zip(layout, parts, strict=True)}
