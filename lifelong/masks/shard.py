"""What one task brings to the model, and its form as named arrays.

In memory, per shareable layer and in the order of the flattened tensor at the task's width:
`owned` says which entries free of older owners the task keeps, `values` holds those entries,
`picks` which entries of older tasks it uses (None: all); `dense` its norms, biases and head.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from lifelong.plan.errors import DamagedFile

Arrays = dict[str, np.ndarray]


@dataclass(frozen=True)
class Card:
    """Everything about a task that is not a weight; enough to rebuild its network and use it."""

    experiment: str
    method: str
    seed: int
    position: int
    task: str
    classes: tuple[str, ...]
    network: str
    channels: float
    width: float
    in_channels: int
    image_size: int
    mean: tuple[float, ...]
    std: tuple[float, ...]
    lineage: tuple[str, ...]  # digests of the shards before it, oldest first
    alone: bool = False  # a separate network: it shares nothing with other tasks


@dataclass(frozen=True)
class Shard:
    card: Card
    shapes: dict[str, tuple[int, ...]]  # of the layers, at the task's width
    values: Arrays  # float32 (owned,)
    owned: Arrays  # bool (capacity,)
    picks: Arrays | None  # bool (older,)
    dense: Arrays  # float32
    scores: Arrays | None = None  # float32 (older,), only in working files


def to_arrays(shard: Shard) -> tuple[Arrays, dict[str, Any]]:
    """A shard as a few flat arrays and attributes that say how to cut them."""
    layers = list(shard.values)
    arrays = {
        "values": _joined([shard.values[name] for name in layers], np.float32),
        "dense": _joined([shard.dense[name].ravel() for name in shard.dense], np.float32),
    }
    full = all(bool(shard.owned[name].all()) for name in layers)
    if not full:
        arrays["owned"] = np.packbits(_joined([shard.owned[name] for name in layers], bool))
    if shard.picks is not None:
        arrays["picks"] = np.packbits(_joined([shard.picks[name] for name in layers], bool))
    if shard.scores is not None:
        arrays["scores"] = _joined([shard.scores[name] for name in layers], np.float32)
    attrs = {
        "kind": "shard",
        "card": asdict(shard.card),
        "layers": [_layer_counts(shard, name) for name in layers],
        "dense": [[name, list(array.shape)] for name, array in shard.dense.items()],
        "owns_all": full,
    }
    return arrays, attrs


def from_arrays(arrays: Arrays, attrs: Mapping[str, Any]) -> Shard:
    """The shard that `to_arrays` laid out. Raises DamagedFile for anything else."""
    if attrs.get("kind") != "shard":
        raise DamagedFile("is no shard of a model: name a folder such as results/x/cpg/s0")
    layers = [str(layer["name"]) for layer in attrs["layers"]]
    counts = {key: [int(layer[key]) for layer in attrs["layers"]] for key in _COUNTS}
    if attrs["owns_all"]:
        owned = np.ones(sum(counts["capacity"]), bool)
    else:
        owned = np.unpackbits(arrays["owned"], count=sum(counts["capacity"])).view(bool)
    picks = scores = None
    if "picks" in arrays:
        bits = np.unpackbits(arrays["picks"], count=sum(counts["older"])).view(bool)
        picks = _split(bits, layers, counts["older"])
    if "scores" in arrays:
        scores = _split(arrays["scores"], layers, counts["older"])
    return Shard(
        card=_card(attrs["card"]),
        shapes={str(layer["name"]): tuple(layer["shape"]) for layer in attrs["layers"]},
        values=_split(arrays["values"], layers, counts["owned"]),
        owned=_split(owned, layers, counts["capacity"]),
        picks=picks,
        dense=_dense(arrays["dense"], attrs["dense"]),
        scores=scores,
    )


_COUNTS = ("owned", "capacity", "older")


def _layer_counts(shard: Shard, name: str) -> dict[str, Any]:
    older = 0
    for part in (shard.picks, shard.scores):
        older = older if part is None else part[name].size
    owned = shard.owned[name]
    return {
        "name": name,
        "shape": list(shard.shapes[name]),
        "owned": int(owned.sum()),
        "capacity": int(owned.size),
        "older": int(older),
    }


def _card(values: Mapping[str, Any]) -> Card:
    found = dict(values)
    for name in ("classes", "mean", "std", "lineage"):
        found[name] = tuple(found[name])
    return Card(**found)


def _joined(parts: list[np.ndarray], dtype: Any) -> np.ndarray:
    return np.concatenate(parts).astype(dtype, copy=False) if parts else np.empty(0, dtype)


def _split(array: np.ndarray, names: list[str], sizes: list[int]) -> Arrays:
    return dict(zip(names, np.split(array, np.cumsum(sizes)[:-1]), strict=True))


def _dense(flat: np.ndarray, layout: list[Any]) -> Arrays:
    sizes = [int(np.prod(shape)) for _, shape in layout]
    parts = np.split(flat, np.cumsum(sizes)[:-1])
    return {name: p.reshape(shape) for (name, shape), p in zip(layout, parts, strict=True)}
