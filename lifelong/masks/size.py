"""What a model weighs, in bytes, and what separate networks would weigh.

Every part that inference needs is counted: float32 weights, owner bits, picking bits, norms,
biases and heads (the ratios that papers publish leave masks, norms and heads out).
"""

from lifelong.masks.layers import dense, shareable
from lifelong.masks.shard import Shard
from lifelong.nets import build

_FLOAT = 4


def shard_size(shard: Shard) -> dict[str, int]:
    """Bytes of the parts of a shard as `store` writes them, without HDF5's own."""
    owns_all = all(bool(mask.all()) for mask in shard.owned.values())
    return {
        "values": _FLOAT * sum(values.size for values in shard.values.values()),
        "owned": 0 if owns_all else _bits(sum(mask.size for mask in shard.owned.values())),
        "picks": _bits(sum(m.size for m in shard.picks.values())) if shard.picks else 0,
        "dense": _FLOAT * sum(part.size for part in shard.dense.values()),
    }


def separate_network(shard: Shard) -> dict[str, int]:
    """Weights and bytes of an individual network for the shard's task, at width 1."""
    card = shard.card
    network = build(card.network, card.in_channels, len(card.classes), card.channels)
    weights = sum(layer.weight.numel() for layer in shareable(network).values())
    others = sum(tensor.numel() for tensor in dense(network).values())
    return {"weights": weights, "bytes": _FLOAT * (weights + others)}


def _bits(count: int) -> int:
    return (count + 7) // 8
