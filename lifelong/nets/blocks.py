"""The convolutional part that the networks have in common."""

from collections.abc import Sequence

from torch import nn

from lifelong.nets.growth import scaled


def convolutions(
    plan: Sequence[int | str], in_channels: int, factor: float, width: float
) -> tuple[list[nn.Module], int]:
    """Modules of a plan such as (64, "M", 128), and the channels they end with.

    A number is a 3x3 convolution without bias, batch norm and ReLU; "M" is a 2x2 max-pool.
    """
    modules: list[nn.Module] = []
    size = in_channels
    for item in plan:
        if item == "M":
            modules.append(nn.MaxPool2d(2))
            continue
        out = scaled(int(item), factor, width)
        modules += [
            nn.Conv2d(size, out, 3, padding=1, bias=False),
            nn.BatchNorm2d(out),
            nn.ReLU(inplace=True),
        ]
        size = out
    return modules, size
