"""The networks of the layer family as numbers: what LASEM (ICML 2021) and its baselines train.

Convolutions of stride 1 that keep the size, each with bias and ReLU, then a max-pool of `pools`
with that stride, then fully connected layers. The Snakefile must know them without torch.
"""

from dataclasses import dataclass
from itertools import pairwise


@dataclass(frozen=True)
class Stack:
    """One network: one number per layer, layer 0 nearest to the image.

    `skips`: (i, o) adds what enters layer i to what layer o gives, after its ReLU, before its pool.
    """

    kernels: tuple[int, ...]
    channels: tuple[int, ...]
    pools: tuple[int, ...]
    hidden: tuple[int, ...]
    skips: tuple[tuple[int, int], ...] = ()

    @property
    def depth(self) -> int:
        """Layers that may be shared."""
        return len(self.kernels)

    def scaled(self, factor: float) -> "Stack":
        """The same network with `factor` times the channels and hidden units."""
        channels, hidden = (
            tuple(max(1, round(count * factor)) for count in counts)
            for counts in (self.channels, self.hidden)
        )
        return Stack(self.kernels, channels, self.pools, hidden, self.skips)

    def inputs(self, in_channels: int) -> tuple[int, ...]:
        """Channels that enter each layer."""
        return (in_channels, *self.channels[:-1])

    def sides(self, side: int) -> tuple[int, ...]:
        """The side of the maps that leave each layer, for images of `side` pixels."""
        sides = []
        for pool in self.pools:
            side = -(-side // pool)
            sides.append(side)
        return tuple(sides)

    def flat(self, side: int) -> int:
        """Numbers that enter the fully connected layers."""
        return self.channels[-1] * self.sides(side)[-1] ** 2

    def dense(self, side: int, classes: int) -> list[tuple[int, int]]:
        """(inputs, outputs) of each fully connected layer."""
        return list(pairwise((self.flat(side), *self.hidden, classes)))


def _threes(depth: int) -> tuple[int, ...]:
    return (3,) * depth


STACKS: dict[str, Stack] = {
    "tiny_cnn2": Stack(_threes(2), (8, 8), (2, 2), (16,)),
    "mnist_cnn2": Stack((5, 5), (32, 64), (2, 2), (32,)),
    "cifar_cnn4": Stack(_threes(4), (32, 32, 64, 64), (1, 2, 1, 2), (64,)),
    "cifar_cnn6": Stack(_threes(6), (32, 32, 64, 64, 128, 128), (1, 2) * 3, (64,)),
    "cifar_cnn8": Stack(_threes(8), (32, 32, 64, 64, 128, 128, 128, 128), (1, 2) * 4, (64,)),
    "cifar_resnet17": Stack(
        (7, *_threes(16)),
        (*[64] * 5, *[128] * 4, *[256] * 4, *[512] * 4),
        tuple(2 if layer in (0, 5, 9, 13) else 1 for layer in range(17)),
        (1000,),
        ((1, 2), (3, 4), (7, 8), (11, 12), (15, 16)),
    ),
    "office_cnn4": Stack((11, 5, 3, 3), (64, 256, 256, 256), (3, 3, 2, 2), (256, 64)),
    "office_cnn6": Stack((11, 5, 3, 3, 3, 3), (64, *[256] * 5), (3, 3, 1, 2, 1, 2), (256, 64)),
    "office_cnn8": Stack(
        (7, 7, 5, 5, 3, 3, 3, 3),
        (32, 32, 64, 64, 128, 128, 256, 256),
        (1, 3, 1, 3, 1, 2, 1, 2),
        (256, 64),
    ),
    "stl_cnn6": Stack(_threes(6), (32, 32, 64, 64, 128, 128), (1, 3) * 3, (128, 16)),
    "stl_cnn6_tf": Stack(_threes(6), (32, 32, 64, 64, 128, 128), (1, 3) * 3, (128,)),
    "stl_cnn9": Stack(_threes(9), (*[32] * 3, *[64] * 3, *[128] * 3), (1, 1, 3) * 3, (128, 16)),
}
