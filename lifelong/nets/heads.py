"""Heads: what one task puts on the body it shares."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from lifelong.nets.growth import scaled
from lifelong.plan.errors import ConfigError

HEADS = ("linear", "angular")
EMBEDDING = 512


class Angular(nn.Module):
    """Class directions of unit length: a logit is |x| cos(angle between x and the class).

    In: (batch, features). Out: (batch, classes) logits; while training (2, batch, classes), the
    logits and |x|, which losses with a margin need (SphereFace, Liu et al. 2017).
    """

    def __init__(self, features: int, classes: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(classes, features))
        nn.init.normal_(self.weight)

    def forward(self, x: Tensor) -> Tensor:
        # Margins count quarters of an angle: bfloat16 would miscount them.
        with torch.autocast(x.device.type, enabled=False):
            x = x.float()
            logits = functional.linear(x, functional.normalize(self.weight))
            if not self.training:
                return logits
            return torch.stack((logits, x.norm(dim=1, keepdim=True).expand_as(logits)))


class SpareOutputs(nn.Linear):
    """An output layer with more outputs than classes, the others only while it is trained.

    In: (batch, features). Out: (batch, classes) logits; while training (batch, outputs). The
    released program of WSN gives every task one output per class of all tasks.
    """

    def __init__(self, features: int, outputs: int, classes: int, bias: bool) -> None:
        super().__init__(features, outputs, bias=bias)
        self.classes = classes

    def forward(self, x: Tensor) -> Tensor:
        logits = super().forward(x)
        return logits if self.training else logits[:, : self.classes]


def head_of(
    kind: str, features: int, classes: int, channels: float, bare: bool = False, outputs: int = 0
) -> nn.Module:
    """A fresh head; an angular one has an embedding of 512 numbers before its directions.

    A `bare` linear one has no biases and starts as torch starts it. A linear one may have more
    `outputs` than classes. Raises ConfigError for an unknown kind, and for too few outputs.
    """
    if outputs:
        _check_outputs(kind, classes, outputs)
        layer = SpareOutputs(features, outputs, classes, bias=not bare)
        return layer if bare else _started(layer)
    if kind == "linear" and bare:
        return nn.Linear(features, classes, bias=False)
    if kind == "linear":
        return _started(nn.Linear(features, classes))
    if kind == "angular":
        size = scaled(EMBEDDING, channels, width=1.0)
        return nn.Sequential(_started(nn.Linear(features, size)), Angular(size, classes))
    raise ConfigError(f"there is no head {kind!r}: choose {' or '.join(HEADS)}")


def _check_outputs(kind: str, classes: int, outputs: int) -> None:
    key = "config key network.head_outputs"
    if kind != "linear":
        raise ConfigError(f"{key}: a loss with a margin has no spare outputs: remove it")
    if outputs < classes:
        raise ConfigError(f"{key}: {outputs} outputs for {classes} classes: raise or remove it")


def _started(layer: nn.Linear) -> nn.Linear:
    nn.init.normal_(layer.weight, std=0.01)
    nn.init.zeros_(layer.bias)
    return layer
