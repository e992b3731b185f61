"""VGG16 with batch normalisation for small images, as CPG and PAE use it on CIFAR-100."""

import torch
from torch import Tensor, nn

from lifelong.nets.blocks import convolutions
from lifelong.nets.growth import scaled

LAYERS = (64, 64, "M", 128, 128, "M", 256, 256, 256, "M", 512, 512, 512, "M", 512, 512, 512, "M")
HIDDEN = (4096, 4096)


class VGG16BN(nn.Module):
    """13 convolutions (3x3, no bias, batch norm, ReLU), five max-pools, two hidden layers.

    In: (batch, in_channels, 32, 32). Out: (batch, out_features). No dropout, no norm on the
    hidden layers (CPG, experiment 1). Convolutions start Kaiming-normal (fan out), hidden layers
    N(0, 0.01).
    """

    def __init__(self, in_channels: int, channels: float = 1.0, width: float = 1.0) -> None:
        super().__init__()
        layers, size = convolutions(LAYERS, in_channels, channels, width)
        self.features = nn.Sequential(*layers)
        hidden: list[nn.Module] = []
        for item in HIDDEN:
            out = scaled(item, channels, width)
            hidden += [nn.Linear(size, out), nn.ReLU(inplace=True)]
            size = out
        self.hidden = nn.Sequential(*hidden)
        self.out_features = size
        self.apply(_initialise)

    def forward(self, x: Tensor) -> Tensor:
        return self.hidden(torch.flatten(self.features(x), 1))


def _initialise(module: nn.Module) -> None:
    if isinstance(module, nn.Conv2d):
        nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
    elif isinstance(module, nn.Linear):
        nn.init.normal_(module.weight, std=0.01)
        nn.init.zeros_(module.bias)
