"""Classifiers of torchvision as bodies: their own names and start, without their classes.

They do not widen. Dropout and stochastic depth are off: all that is random in training are batches.
"""

from torch import nn
from torchvision.models import get_model
from torchvision.ops import StochasticDepth


def body(in_channels: int, channels: float, width: float, name: str) -> nn.Module:
    """In: (batch, 3, side, side). Out: (batch, out_features). `classes_key` names what is gone."""
    if (in_channels, channels, width) != (3, 1.0, 1.0):
        raise ValueError(f"{name} takes three channels and has one width")
    network = get_model(name, weights=None)
    last = [key for key, module in network.named_modules() if isinstance(module, nn.Linear)][-1]
    network.out_features = network.get_submodule(last).in_features
    network.classes_key = last
    network.set_submodule(last, nn.Identity())
    for module in network.modules():
        if isinstance(module, nn.Dropout | StochasticDepth):
            module.p = 0.0
    return network
