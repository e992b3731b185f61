"""DF-CNN: a shared layer is a small base that all tasks have, deconvolved and mixed by each task.

Lee, Stokes and Eaton, Learning Shared Knowledge for Deep Lifelong Learning using Deconvolutional
Networks, IJCAI 2019. The base is tiny and a task's mapping large: of four layers on CIFAR-100,
432 numbers are shared and 533,424 a task's own.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from lifelong.layers.forms import LayerShape
from lifelong.nets.conv_stack import Filter, fans, start_glorot
from lifelong.plan.networks import stack_of

_L2 = (("l2_shared", ("base",)), ("l2_own", ("filter", "filter_bias", "mixing")))
# Channels of the base, and between deconvolution and mixing, by network and layer; the side of the
# deconvolution's filter is 3 but where _SIDES says otherwise.
_CIFAR8 = ((16, 24), (24, 48), (32, 64), (36, 72), (64, 128), *[(72, 144)] * 3)
_STL9 = (12, 24, 24, 32, 48, 48, 64, 96, 96)
_COUNTS: dict[str, tuple[tuple[int, int], ...]] = {
    "cifar_cnn4": _CIFAR8[:4],
    "cifar_cnn6": (*_CIFAR8[:4], (64, 128), (72, 144)),
    "cifar_cnn8": _CIFAR8,
    "office_cnn4": ((24, 48), *[(64, 128)] * 3),
    "office_cnn6": ((24, 48), (64, 128), *[(72, 144)] * 4),
    "office_cnn8": ((12, 24), (24, 48), (32, 64), (48, 96), (64, 128), *[(72, 144)] * 3),
    "stl_cnn6": ((12, 24), (24, 48), (32, 64), (48, 96), (64, 128), (96, 192)),
    "stl_cnn9": tuple((count, 2 * count) for count in _STL9),
}
_SIDES = {("office_cnn6", 0): 5}


@dataclass(frozen=True)
class Sizes:
    """Of one layer: the base is (channels, side, side), the filter of its deconvolution has
    `field` lines and gives `between` channels.
    """

    side: int
    channels: int
    field: int
    between: int


def sizes_of(shape: LayerShape) -> Sizes:
    """As published, times what the network's channels were scaled by.

    A network without published sizes: half as many channels as the layer gives, and twice that
    many between. Stride 2 makes a kernel of 2 * side - 1 lines.
    """
    counts = _COUNTS.get(shape.network)
    if counts is None:
        channels = max(1, shape.outputs // 2)
        between = 2 * channels
    else:
        scale = shape.outputs / stack_of(shape.network).channels[shape.index]
        channels, between = (max(1, round(count * scale)) for count in counts[shape.index])
    field = _SIDES.get((shape.network, shape.index), 3)
    return Sizes((shape.kernel + 1) // 2, channels, field, between)


class Deconvolution:
    """Shared: `base` (1, channels, side, side). A task's: `filter` (channels, between, field,
    field) and `filter_bias` (between,) of the deconvolution, `mixing` (out, in, between), and
    `bias` (out,) of the convolution.
    """

    def start_shared(
        self, shape: LayerShape, generator: torch.Generator, options: Mapping[str, Any]
    ) -> dict[str, Tensor]:
        size = sizes_of(shape)
        dims = (1, size.side, size.side, size.channels)
        wanted = (1, size.channels, size.side, size.side)
        return {"base": start_glorot(wanted, *fans(dims), generator)}

    def start_own(
        self, shape: LayerShape, generator: torch.Generator, options: Mapping[str, Any]
    ) -> dict[str, Tensor]:
        size, outputs, inputs = sizes_of(shape), shape.outputs, shape.inputs
        field, channels, between = size.field, size.channels, size.between
        laid_out = {  # in our layout, in TensorFlow's
            "filter": ((channels, between, field, field), (field, field, between, channels)),
            "filter_bias": ((between,), (1, 1, 1, between)),
            "mixing": ((outputs, inputs, between), (between, inputs, outputs)),
            "bias": ((outputs,), (outputs,)),
        }
        return {
            name: start_glorot(ours, *fans(theirs), generator)
            for name, (ours, theirs) in laid_out.items()
        }

    def filter(self, shared: Mapping[str, Tensor], own: Mapping[str, Tensor]) -> Filter:
        """W[o, i] = sum over t of mixing[o, i, t] * (deconvolved base)[t]."""
        maps = _deconvolved(shared["base"], own["filter"], own["filter_bias"])
        mixed = own["mixing"].flatten(0, 1) @ maps.flatten(1)
        return mixed.view(*own["mixing"].shape[:2], *maps.shape[1:]), own["bias"]

    def penalty(
        self, shared: Mapping[str, Tensor], own: Mapping[str, Tensor], options: Mapping[str, Any]
    ) -> Tensor | None:
        """Half the squares times `l2_shared` and `l2_own`, both 0 by default.

        The released code sets them but, by a slip, its penalty is of the order of 1e-21.
        """
        tensors, penalties = {**shared, **own}, []
        for option, names in _L2:
            weight = options["dfcnn"][option]
            if weight:
                penalties += [weight / 2 * tensors[name].square().sum() for name in names]
        return torch.stack(penalties).sum() if penalties else None

    def from_filter(
        self,
        shape: LayerShape,
        given: Filter,
        generator: torch.Generator,
        options: Mapping[str, Any],
    ) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """Base and deconvolution are fresh, and the mixing is solved for.

        It gives the filter itself where `between` is at least kernel squared, as it is for 3 x 3
        in all published sizes; else the closest one in least squares.
        """
        weight, bias = given
        shared = self.start_shared(shape, generator, options)
        own = self.start_own(shape, generator, options)
        maps = _deconvolved(shared["base"], own["filter"], own["filter_bias"]).flatten(1)
        mixing = weight.flatten(2).double() @ torch.linalg.pinv(maps.double())
        return shared, own | {"mixing": mixing.float(), "bias": bias}


def _deconvolved(base: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """(between, kernel, kernel)."""
    padding = (weight.shape[-1] - 1) // 2
    return functional.conv_transpose2d(base, weight, bias, stride=2, padding=padding)[0]


DECONVOLUTION = Deconvolution()
