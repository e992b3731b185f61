"""FaceLiveNet: a reduced Inception-ResNet-v1 whose last blocks belong to a task."""

import torch
from torch import Tensor, nn

from lifelong.nets.growth import scaled
from lifelong.nets.inception_resnet import InceptionResNetV1, block8

HIDDEN = 128  # of a branch that tells expressions
_START_STD = 0.1


class Trunk(nn.Module):
    """One block of 35, one of 17, and both reductions.

    In: (batch, in_channels, side, side), at least 75x75 (160: 3x3 maps). Out: (batch,
    out_features, side, side) maps: 1792 of them at full width.
    """

    def __init__(self, in_channels: int, channels: float = 1.0, width: float = 1.0) -> None:
        super().__init__()
        whole = InceptionResNetV1(in_channels, channels, width, blocks=(1, 1, 0))
        self.stem, self.blocks35 = whole.stem, whole.blocks35
        self.reduction_a, self.blocks17 = whole.reduction_a, whole.blocks17
        self.reduction_b, self.out_features = whole.reduction_b, whole.hidden.in_features

    def forward(self, x: Tensor) -> Tensor:
        x = self.reduction_a(self.blocks35(self.stem(x)))
        return self.reduction_b(self.blocks17(x))


class Branch(nn.Module):
    """Two blocks of 8 and a global mean, then classes: at once, or after a hidden layer of 128.

    In: (batch, features, side, side). Out: (batch, classes) logits. An identity is told from the
    embedding itself (`hidden` 0), as faces are compared by it.
    """

    def __init__(self, features: int, classes: int, channels: float, hidden: int = HIDDEN) -> None:
        super().__init__()
        inside = scaled(192, channels, width=1.0)
        self.blocks = nn.Sequential(
            block8(features, inside, 0.2, True), block8(features, inside, 1.0, False)
        )
        size, layers = features, list[nn.Module]()
        if hidden:
            size = scaled(hidden, channels, width=1.0)
            layers = [_linear(features, size), nn.ReLU(inplace=True)]
        self.classes = nn.Sequential(*layers, _linear(size, classes))

    def forward(self, x: Tensor) -> Tensor:
        return self.classes(self.embedding(x))

    def embedding(self, x: Tensor) -> Tensor:
        """What faces are compared by: (batch, features), not normalised."""
        return torch.flatten(self.blocks(x).mean((2, 3)), 1)


def branch(features: int, classes: int, channels: float) -> Branch:
    """A branch for any task: classes straight from the embedding where there are many."""
    return Branch(features, classes, channels, HIDDEN if classes <= HIDDEN // 4 else 0)


def _linear(features: int, out: int) -> nn.Linear:
    layer = nn.Linear(features, out)
    nn.init.trunc_normal_(layer.weight, std=_START_STD, a=-2 * _START_STD, b=2 * _START_STD)
    nn.init.zeros_(layer.bias)
    return layer
