"""The size of a model in bytes, and the size that separate networks would have.

Every part that inference needs is counted: float32 weights, their places, picking bits, norms,
biases and heads (the ratios that papers publish leave out masks, norms and heads).
"""

from lifelong.masks.layers import dense, shareable
from lifelong.masks.layout import to_arrays
from lifelong.masks.model import empty_network
from lifelong.masks.shard import Part, Shard

_FLOAT = 4
_PARTS = ("values", "owned", "picks", "dense")


def shard_size(task: Shard | Part) -> dict[str, int]:
    """Bytes of the parts of a task as `store` writes them, without the overhead of HDF5."""
    arrays, _ = to_arrays(task)
    parts = {part: (part,) for part in _PARTS} | {"values": ("values", "codes", "centres")}
    return {
        part: sum(arrays[name].nbytes for name in names if name in arrays)
        for part, names in parts.items()
    }


def separate_network(task: Shard | Part) -> dict[str, int]:
    """Weights and bytes of an individual network for the task, at width 1."""
    network = empty_network(task.card, width=1.0)
    weights = sum(layer.weight.numel() for layer in shareable(network).values())
    others = sum(tensor.numel() for tensor in dense(network).values())
    return {"weights": weights, "bytes": _FLOAT * (weights + others)}
