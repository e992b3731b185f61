"""A small network for tiny images, such as the 8x8 digits of the default experiment."""

import torch
from torch import Tensor, nn

from lifelong.nets.blocks import convolutions
from lifelong.nets.growth import scaled

LAYERS = (32, "M", 64, "M", 64)
HIDDEN = 128


class SmallCNN(nn.Module):
    """Three convolutions (3x3, no bias, batch norm, ReLU), pooled to one pixel, one hidden layer.

    In: (batch, in_channels, height, width), at least 4x4. Out: (batch, out_features).
    """

    def __init__(self, in_channels: int, channels: float = 1.0, width: float = 1.0) -> None:
        super().__init__()
        layers, size = convolutions(LAYERS, in_channels, channels, width)
        self.features = nn.Sequential(*layers, nn.AdaptiveMaxPool2d(1))
        self.out_features = scaled(HIDDEN, channels, width)
        self.hidden = nn.Sequential(nn.Linear(size, self.out_features), nn.ReLU(inplace=True))

    def forward(self, x: Tensor) -> Tensor:
        return self.hidden(torch.flatten(self.features(x), 1))
