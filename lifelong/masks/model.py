"""The model: the ordered list of its tasks' shards, assembled layer by layer.

`weights` and `owners` are at the width of the newest shard. Adding a shard writes only entries
nobody owned, so a task's view is the same before and after: bit for bit.
"""

import numpy as np
import torch
from torch import Tensor

from lifelong.masks.layers import load_dense, shareable
from lifelong.masks.shard import Shard
from lifelong.nets import Network, build, placed


class Model:
    """All tasks learned so far."""

    def __init__(self) -> None:
        self.shards: list[Shard] = []
        self.weights: dict[str, np.ndarray] = {}  # float32, shape of the layer
        self.owners: dict[str, np.ndarray] = {}  # uint8: 0 free, k owned by task k

    @property
    def width(self) -> float:
        """The width of the newest task; 1.0 where there is none."""
        return self.shards[-1].card.width if self.shards else 1.0

    def add(self, shard: Shard) -> None:
        """Append a task. A separate network shares nothing and is only kept beside the others."""
        self.shards.append(shard)
        if not shard.card.alone:
            self._place(shard, len(self.shards))

    def _place(self, shard: Shard, owner: int) -> None:
        self.widen(shard.shapes)
        for name in shard.values:
            kept = np.flatnonzero(self.owners[name].reshape(-1) == 0)[shard.owned[name]]
            self.weights[name].reshape(-1)[kept] = shard.values[name]
            self.owners[name].reshape(-1)[kept] = owner

    def widen(self, shapes: dict[str, tuple[int, ...]]) -> None:
        """Move all layers to the top-left block of larger ones; new entries are free and zero."""
        for name, shape in shapes.items():
            if name in self.weights and self.weights[name].shape == shape:
                continue
            weights, owners = np.zeros(shape, np.float32), np.zeros(shape, np.uint8)
            if name in self.weights:
                block = tuple(slice(size) for size in self.weights[name].shape)
                weights[block], owners[block] = self.weights[name], self.owners[name]
            self.weights[name], self.owners[name] = weights, owners

    def view(self, position: int, device: str = "cpu") -> Network:
        """Task `position` (from 1) alone, at its own width: what it was when it was learned."""
        shard = self.shards[position - 1]
        source, upto = self, position
        if shard.card.alone:
            source, upto = Model(), 1
            source._place(shard, upto)
        card = shard.card
        network = build(
            card.network, card.in_channels, len(card.classes), card.channels, card.width
        )
        for name, layer in shareable(network).items():
            block = tuple(slice(size) for size in layer.weight.shape)
            owners = source.owners[name][block]
            kept = (owners > 0) & (owners <= upto)
            if shard.picks is not None:
                older = kept & (owners < upto)
                kept[older] = shard.picks[name]
            weights = np.where(kept, source.weights[name][block], np.float32(0))
            with torch.no_grad():
                layer.weight.copy_(torch.from_numpy(weights))
        load_dense(network, tensors(shard.dense), head=True)
        return placed(network, device).eval()


def tensors(arrays: dict[str, np.ndarray]) -> dict[str, Tensor]:
    return {name: torch.from_numpy(array) for name, array in arrays.items()}
