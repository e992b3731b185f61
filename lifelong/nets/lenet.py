"""LeNet for CIFAR-100's superclasses, as in WSN's program: no biases, no norms.

GPM and APD add local response normalisation, and APD biases.
"""

import torch
from torch import Tensor, nn

from lifelong.nets.growth import scaled

CONVOLUTIONS = (20, 50)
HIDDEN = (800, 500)


class LeNet(nn.Module):
    """20-50-800-500: two convolutions (5x5), each with ReLU and max-pool, two hidden layers.

    In: (batch, in_channels, side, side). Out: (batch, out_features). Its last maps are flattened
    channel by channel, so that a wider network has the narrow one's inputs first. Weights start as
    torch starts them (WSN's program). 2,986,500 of them for colour images of 32 pixels.
    """

    def __init__(
        self, in_channels: int, channels: float = 1.0, width: float = 1.0, image_size: int = 32
    ) -> None:
        super().__init__()
        features: list[nn.Module] = []
        size, side = in_channels, image_size
        for base in CONVOLUTIONS:
            out = scaled(base, channels, width)
            features += [
                nn.Conv2d(size, out, 5, padding=2, bias=False),
                nn.ReLU(inplace=True),
                nn.MaxPool2d(3, stride=2, padding=1),
            ]
            size, side = out, (side + 1) // 2
        self.features = nn.Sequential(*features)
        hidden: list[nn.Module] = []
        size *= side * side
        for base in HIDDEN:
            out = scaled(base, channels, width)
            hidden += [nn.Linear(size, out, bias=False), nn.ReLU(inplace=True)]
            size = out
        self.hidden = nn.Sequential(*hidden)
        self.out_features = size

    def forward(self, x: Tensor) -> Tensor:
        return self.hidden(torch.flatten(self.features(x), 1))
