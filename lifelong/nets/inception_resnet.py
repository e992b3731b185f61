"""Inception-ResNet-v1 for faces (FaceNet), as PAE packs and expands it."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from lifelong.nets.growth import Runs, scaled

Kernel = tuple[int, int]
BLOCKS = (5, 10, 5)
MOMENTUM, EPS = 0.005, 1e-3


class Norm(nn.Module):
    """Batch norm that shifts but does not scale (slim's default: decay 0.995, epsilon 0.001)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(channels))
        self.running_mean = nn.Buffer(torch.zeros(channels))
        self.running_var = nn.Buffer(torch.ones(channels))
        self.ones = nn.Buffer(torch.ones(channels), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        seen = self.running_mean, self.running_var
        return functional.batch_norm(x, *seen, self.ones, self.bias, self.training, MOMENTUM, EPS)


class Concat(nn.Module):
    """The outputs of several branches, one after another."""

    def __init__(self, *branches: nn.Module) -> None:
        super().__init__()
        self.branches = nn.ModuleList(branches)

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([branch(x) for branch in self.branches], dim=1)


class InceptionBlock(nn.Module):
    """x + scale * (1x1 convolution, with bias and without norm, of branches), then perhaps ReLU."""

    def __init__(
        self, branches: Concat, inside: int, channels: int, scale: float, relu: bool = True
    ) -> None:
        super().__init__()
        self.concat, self.scale, self.relu = branches, scale, relu
        self.up = nn.Conv2d(inside, channels, 1)
        nn.init.xavier_normal_(self.up.weight)
        nn.init.zeros_(self.up.bias)  # type: ignore[arg-type]

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.scale * self.up(self.concat(x))
        return functional.relu(x) if self.relu else x


class InceptionResNetV1(nn.Module):
    """Stem, `blocks` of three sizes with reductions between them, global mean, 512 numbers.

    In: (batch, in_channels, side, side), at least 75x75 (PAE: 160). Out: (batch, out_features).
    Without FaceNet's dropout: all that is random in training are its batches. `segments` says
    where channels lie that concatenation moves when the network widens.
    """

    def __init__(
        self,
        in_channels: int,
        channels: float = 1.0,
        width: float = 1.0,
        blocks: tuple[int, int, int] = BLOCKS,
    ) -> None:
        super().__init__()

        def of(*base: int) -> list[int]:
            return [scaled(one, channels, width) for one in base]

        self.stem = _stem(in_channels, of(32, 32, 64, 80, 192, 256))
        size, inside = of(256, 32)
        self.blocks35 = nn.Sequential(*(_block35(size, inside) for _ in range(blocks[0])))
        self.reduction_a = _reduction_a(size, of(384, 192, 256))
        middle = sum(of(384, 256)) + size
        (inside,) = of(128)
        self.blocks17 = nn.Sequential(*(_block17(middle, inside) for _ in range(blocks[1])))
        self.reduction_b = _reduction_b(middle, of(256, 384))
        last = sum(of(384, 256, 256)) + middle
        (inside,) = of(192)
        eights = [block8(last, inside, 0.2, True) for _ in range(blocks[2])]
        self.blocks8 = nn.Sequential(*eights, block8(last, inside, 1.0, False))
        (self.out_features,) = of(512)
        self.hidden = nn.Linear(last, self.out_features, bias=False)
        nn.init.xavier_normal_(self.hidden.weight)
        self.norm = Norm(self.out_features)

    def forward(self, x: Tensor) -> Tensor:
        x = self.reduction_a(self.blocks35(self.stem(x)))
        x = self.reduction_b(self.blocks17(x))
        return self.norm(self.hidden(self.blocks8(x).mean((2, 3))))


def segments(channels: float, width: float) -> dict[str, Runs]:
    """Per layer, the runs of its outputs and of its inputs that widen each for itself.

    A residual sum keeps the runs of the concatenation before it, and so do its biases.
    """
    ends = {base: scaled(base, channels, width) for base in (32, 128, 192, 256, 384, 512)}
    middle = (ends[384], ends[256], ends[256])
    last = (*middle, *middle)
    runs: dict[str, Runs] = {}
    for index in range(max(BLOCKS) + 1):  # names that a network has not do no harm
        runs[f"blocks35.{index}.up"] = (ends[256],), (ends[32],) * 3
        runs[f"blocks17.{index}.up"] = middle, (ends[128],) * 2
        runs[f"blocks8.{index}.up"] = last, (ends[192],) * 2
        for branch in (0, 1):
            runs[f"blocks17.{index}.concat.branches.{branch}.0.0"] = (ends[128],), middle
            runs[f"blocks8.{index}.concat.branches.{branch}.0.0"] = (ends[192],), last
    for branch in (0, 1, 2):
        runs[f"reduction_b.branches.{branch}.0.0"] = (ends[256],), middle
    return runs | {"hidden": ((ends[512],), last)}


def _unit(
    size: int, out: int, kernel: int | Kernel, stride: int = 1, valid: bool = False
) -> nn.Sequential:
    """Convolution, norm, ReLU; the same height and width after it unless `valid` or strided."""
    high, wide = (kernel, kernel) if isinstance(kernel, int) else kernel
    padding = (0, 0) if valid or stride > 1 else (high // 2, wide // 2)
    layer = nn.Conv2d(size, out, (high, wide), stride, padding, bias=False)
    nn.init.xavier_normal_(layer.weight)
    return nn.Sequential(layer, Norm(out), nn.ReLU(inplace=True))


def _chain(
    size: int, outs: Sequence[int], kernels: Sequence[int | Kernel], stride: int = 1
) -> nn.Sequential:
    """Units one after another, the last of them strided."""
    units: list[nn.Module] = []
    for number, (out, kernel) in enumerate(zip(outs, kernels, strict=True), 1):
        units.append(_unit(size, out, kernel, stride if number == len(outs) else 1))
        size = out
    return nn.Sequential(*units)


def _stem(size: int, outs: Sequence[int]) -> nn.Sequential:
    a, b, c, d, e, f = outs
    return nn.Sequential(
        _unit(size, a, 3, stride=2),
        _unit(a, b, 3, valid=True),
        _unit(b, c, 3),
        nn.MaxPool2d(3, 2),
        _unit(c, d, 1),
        _unit(d, e, 3, valid=True),
        _unit(e, f, 3, stride=2),
    )


def _block35(size: int, n: int) -> InceptionBlock:
    chains = [_chain(size, [n] * count, [1, 3, 3][:count]) for count in (1, 2, 3)]
    return InceptionBlock(Concat(*chains), 3 * n, size, 0.17)


def _block17(size: int, n: int) -> InceptionBlock:
    long = _chain(size, [n] * 3, [1, (1, 7), (7, 1)])
    return InceptionBlock(Concat(_chain(size, [n], [1]), long), 2 * n, size, 0.10)


def block8(size: int, n: int, scale: float, relu: bool) -> InceptionBlock:
    """The last kind of block, of `size` maps with `n` inside; FaceLiveNet's branches have two."""
    long = _chain(size, [n] * 3, [1, (1, 3), (3, 1)])
    return InceptionBlock(Concat(_chain(size, [n], [1]), long), 2 * n, size, scale, relu)


def _reduction_a(size: int, outs: Sequence[int]) -> Concat:
    large, small, middle = outs
    long = _chain(size, [small, small, middle], [1, 3, 3], stride=2)
    return Concat(_chain(size, [large], [3], stride=2), long, nn.MaxPool2d(3, 2))


def _reduction_b(size: int, outs: Sequence[int]) -> Concat:
    n, large = outs
    return Concat(
        _chain(size, [n, large], [1, 3], stride=2),
        _chain(size, [n, n], [1, 3], stride=2),
        _chain(size, [n, n, n], [1, 3, 3], stride=2),
        nn.MaxPool2d(3, 2),
    )
