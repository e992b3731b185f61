"""ResNet-18 and ResNet-50 (He et al., CVPR 2016) for photographs, with torchvision's names.

A block of ResNet-50 strides at its 3x3 convolution, as torchvision's weights want it. Convolutions
start N(0, 0.001) as CPG's do: what widening adds to a pretrained network is next to nothing at
first, and in a fresh network the norms bring it to size.
"""

from collections.abc import Sequence

from torch import Tensor, nn

from lifelong.nets.growth import scaled

PLANES = (64, 128, 256, 512)
START_STD = 0.001


class Basic(nn.Module):
    """Two 3x3 convolutions and a short cut."""

    expansion = 1

    def __init__(self, size: int, planes: int, stride: int) -> None:
        super().__init__()
        self.conv1, self.bn1 = _conv(size, planes, 3, stride), nn.BatchNorm2d(planes)
        self.conv2, self.bn2 = _conv(planes, planes, 3), nn.BatchNorm2d(planes)
        self.downsample = _short_cut(size, planes, stride)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        y = self.relu(self.bn1(self.conv1(x)))
        y = self.bn2(self.conv2(y))
        return self.relu(y + (x if self.downsample is None else self.downsample(x)))


class Bottleneck(nn.Module):
    """1x1 to fewer channels, 3x3, 1x1 to four times as many, and a short cut."""

    expansion = 4

    def __init__(self, size: int, planes: int, stride: int) -> None:
        super().__init__()
        out = planes * self.expansion
        self.conv1, self.bn1 = _conv(size, planes, 1), nn.BatchNorm2d(planes)
        self.conv2, self.bn2 = _conv(planes, planes, 3, stride), nn.BatchNorm2d(planes)
        self.conv3, self.bn3 = _conv(planes, out, 1), nn.BatchNorm2d(out)
        self.downsample = _short_cut(size, out, stride)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        y = self.relu(self.bn1(self.conv1(x)))
        y = self.relu(self.bn2(self.conv2(y)))
        y = self.bn3(self.conv3(y))
        return self.relu(y + (x if self.downsample is None else self.downsample(x)))


class ResNet(nn.Module):
    """A stem that quarters the side, four stages of blocks, and the means of the last maps.

    In: (batch, in_channels, side, side), any side from 32. Out: (batch, out_features).
    """

    def __init__(
        self,
        in_channels: int,
        channels: float = 1.0,
        width: float = 1.0,
        blocks: Sequence[int] = (2, 2, 2, 2),
        bottleneck: bool = False,
    ) -> None:
        super().__init__()
        form = Bottleneck if bottleneck else Basic
        size = scaled(PLANES[0], channels, width)
        self.conv1 = _conv(in_channels, size, 7, stride=2)
        self.bn1 = nn.BatchNorm2d(size)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(3, stride=2, padding=1)
        for number, (base, count) in enumerate(zip(PLANES, blocks, strict=True), 1):
            planes = scaled(base, channels, width)
            stage: list[nn.Module] = []
            for index in range(count):
                stage.append(form(size, planes, 2 if number > 1 and index == 0 else 1))
                size = planes * form.expansion
            self.add_module(f"layer{number}", nn.Sequential(*stage))
        self.out_features = size

    def forward(self, x: Tensor) -> Tensor:
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        for number in range(1, len(PLANES) + 1):
            x = self.get_submodule(f"layer{number}")(x)
        return x.mean((2, 3))


def _conv(size: int, out: int, kernel: int, stride: int = 1) -> nn.Conv2d:
    layer = nn.Conv2d(size, out, kernel, stride, padding=kernel // 2, bias=False)
    nn.init.normal_(layer.weight, std=START_STD)
    return layer


def _short_cut(size: int, out: int, stride: int) -> nn.Sequential | None:
    """What makes a block's input fit its output; None where it fits as it is."""
    if stride == 1 and size == out:
        return None
    return nn.Sequential(_conv(size, out, 1, stride), nn.BatchNorm2d(out))
