"""Shards of tasks that were never trained: random weights, owners and picks in given shares."""

from collections.abc import Iterator

import numpy as np

from lifelong.masks.layers import dense, shareable
from lifelong.masks.shard import Shard
from lifelong.nets import build
from lifelong.plan.card import Card
from lifelong.plan.networks import Architecture

CLASSES, PICKED = 5, 0.7


def card(position: int, channels: float, lineage: tuple[str, ...] = ()) -> Card:
    """VGG16-BN for 32x32 pictures of five classes."""
    classes = tuple(map(str, range(CLASSES)))
    return Card(
        experiment="synthetic",
        method="cpg",
        base="cpg",
        seed=0,
        position=position,
        task=f"t{position:03d}",
        classes=classes,
        network="vgg16_bn",
        channels=channels,
        in_channels=3,
        image_size=32,
        mean=(0.0,) * 3,
        std=(1.0,) * 3,
        lineage=lineage,
    )


def shares(tasks: int) -> list[float]:
    """Of all weights, what each task owns: the first 30 %, the others the rest alike but 5 %."""
    return [0.30, *[0.65 / (tasks - 1)] * (tasks - 1)]


def shards(tasks: int, channels: float, owned: list[float] | None = None) -> Iterator[Shard]:
    """One shard per task, oldest first. The caller may give them their lineage."""
    generator = np.random.default_rng(tasks)
    network = build(Architecture("vgg16_bn", 3, CLASSES, channels))
    shapes = {name: tuple(layer.weight.shape) for name, layer in shareable(network).items()}
    own = {name: tensor.detach().numpy() for name, tensor in dense(network).items()}
    free = {name: int(np.prod(shape)) for name, shape in shapes.items()}
    for position, share in enumerate(owned or shares(tasks), 1):
        kept: dict[str, np.ndarray] = {}
        picks: dict[str, np.ndarray] = {}
        values: dict[str, np.ndarray] = {}
        for name, shape in shapes.items():
            size = int(np.prod(shape))
            wanted = min(share * size / max(free[name], 1), 1.0)
            kept[name] = generator.random(free[name], np.float32) < wanted
            picks[name] = generator.random(size - free[name], np.float32) < PICKED
            count = int(np.count_nonzero(kept[name]))
            values[name] = generator.standard_normal(count, np.float32)
            free[name] -= count
        yield Shard(
            card(position, channels), shapes, values, kept, picks if position > 1 else None, own
        )
