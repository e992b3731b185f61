"""A network by name: a body that tasks share and the head of one task."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from lifelong.nets.small_cnn import SmallCNN
from lifelong.nets.vgg import VGG16BN
from lifelong.plan.errors import ConfigError
from lifelong.plan.networks import misfit

NETWORKS: dict[str, Callable[[int, float, float], nn.Module]] = {
    "vgg16_bn": VGG16BN,
    "small_cnn": SmallCNN,
}
_WIDEST_CHANNELS_LAST = 256


class Network(nn.Module):
    """Body and head. In: (batch, channels, height, width). Out: (batch, classes) logits.

    `form` is the memory format its inputs shall have.
    """

    def __init__(self, body: nn.Module, classes: int) -> None:
        super().__init__()
        self.body = body
        self.form: torch.memory_format = torch.contiguous_format
        self.head = nn.Linear(int(body.out_features), classes)  # type: ignore[arg-type]
        nn.init.normal_(self.head.weight, std=0.01)
        nn.init.zeros_(self.head.bias)

    def forward(self, x: Tensor) -> Tensor:
        if self.form is torch.channels_last and x.shape[1] == 1:
            # With one channel both forms lie alike in memory; only strides tell torch which to use.
            height, width = x.shape[2:]
            x = x.contiguous().as_strided(x.shape, (height * width, 1, width, 1))
        return self.head(self.body(x))


def build(
    name: str,
    in_channels: int,
    classes: int,
    channels: float = 1.0,
    width: float = 1.0,
    seed: int = 0,
) -> Network:
    """A freshly initialised network; the same seed gives the same weights, whatever ran before."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return Network(NETWORKS[name](in_channels, channels, width), classes)


def memory_format(network: nn.Module, device: str) -> torch.memory_format:
    """Channels last on GPUs and, on CPUs, for narrow networks; the usual form elsewhere."""
    layers = [m for m in network.modules() if isinstance(m, nn.Conv2d)]
    narrow = max(layer.out_channels for layer in layers) <= _WIDEST_CHANNELS_LAST
    return torch.channels_last if narrow or device != "cpu" else torch.contiguous_format


def placed(network: Network, device: str) -> Network:
    """The network on a device, in its memory format there; bits depend on both."""
    network.form = memory_format(network, device)
    return network.to(device=device, memory_format=network.form)  # type: ignore[call-overload]


def check_image_size(name: str, side: int) -> None:
    """Raise ConfigError where images of `side` pixels do not fit a network."""
    wrong = misfit(name, side)
    if wrong:
        raise ConfigError(f"config key network.name: {wrong}; change it or image_size")
