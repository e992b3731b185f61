"""SphereNet-20 for faces, as CPG uses it on verification, gender, expression and age."""

from torch import Tensor, flatten, nn

from lifelong.nets.growth import scaled

STAGES = ((64, 1), (128, 2), (256, 4), (512, 1))  # channels, residual units
SLOPE = 0.25


class ResidualUnit(nn.Module):
    """x + PReLU(conv(PReLU(conv(x)))): the channels stay where they are."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first, self.second = (_convolution(channels, channels, 1) for _ in range(2))

    def forward(self, x: Tensor) -> Tensor:
        return x + self.second(self.first(x))


class SphereNet20(nn.Module):
    """Four stages, each a convolution of stride 2 and residual units; 3x3, no norm, PReLU.

    In: (batch, in_channels, side, side). Out: (batch, out_features): the last maps, flattened, as
    they are (112x112 pixels leave 512 maps of 7x7). Biases and slopes, one per channel, are
    each task's own. Openings start Kaiming-normal, residual units N(0, 0.01): nearly the identity.
    """

    def __init__(
        self, in_channels: int, channels: float = 1.0, width: float = 1.0, image_size: int = 112
    ) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        size, side = in_channels, image_size
        for base, units in STAGES:
            out = scaled(base, channels, width)
            layers += [_convolution(size, out, 2), *(ResidualUnit(out) for _ in range(units))]
            size, side = out, (side + 1) // 2
        self.features = nn.Sequential(*layers)
        self.out_features = size * side * side

    def forward(self, x: Tensor) -> Tensor:
        return flatten(self.features(x), 1)


def _convolution(size: int, out: int, stride: int) -> nn.Sequential:
    layer = nn.Conv2d(size, out, 3, stride, padding=1)
    if stride > 1:
        nn.init.kaiming_normal_(layer.weight, a=SLOPE)
    else:
        nn.init.normal_(layer.weight, std=0.01)
    nn.init.zeros_(layer.bias)  # type: ignore[arg-type]
    return nn.Sequential(layer, nn.PReLU(out, init=SLOPE))
