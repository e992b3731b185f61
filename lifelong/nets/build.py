"""A network by name: a body that tasks share and the head of one task."""

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional

from lifelong.nets.facelivenet import Branch
from lifelong.nets.growth import TOP_LEFT, Growth
from lifelong.nets.heads import head_of
from lifelong.plan.code import load
from lifelong.plan.errors import ConfigError
from lifelong.plan.networks import NETWORKS, Architecture, misfit

_WIDEST_CHANNELS_LAST = 256
_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d)


class TaskNetwork(nn.Module):
    """Body and head. In: (batch, channels, height, width). Out: (batch, classes) logits.

    `form` is the memory format its inputs shall have. With a `crop` it sees that many pixels: of
    larger images, which only evaluation shows it, the centre. With an `input_size` what it sees is
    enlarged or shrunk to that side (bicubic). With `standardise` each image is then taken less its
    mean and divided by its deviation, over all pixels and channels (`standardised`).
    """

    def __init__(
        self,
        body: nn.Module,
        head: nn.Module,
        crop: int = 0,
        input_size: int = 0,
        standardise: bool = False,
    ) -> None:
        super().__init__()
        self.body = body
        self.crop, self.input_size, self.standardise = crop, input_size, standardise
        self.channels_last = False  # whatever its channels
        self.form: torch.memory_format = torch.contiguous_format
        self.head = head
        self._held: list[nn.Module] = []

    def hold_norms(self) -> None:
        """From now on norms use the statistics that they have, in training too."""
        self.hold([one for one in self.body.modules() if isinstance(one, _NORMS)])

    def hold(self, norms: list[nn.Module]) -> None:
        """The same for these norms."""
        self._held = norms
        self.train(self.training)

    def train(self, mode: bool = True) -> "TaskNetwork":
        """As for any module, but for norms that are held."""
        super().train(mode)
        for norm in self._held:
            norm.eval()
        return self

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.features(x))

    def embedding(self, x: Tensor) -> Tensor:
        """What verification compares: (batch, features) before the classes, not normalised."""
        return parts_of(self.head)[0](self.features(x))

    def after_features(self) -> "TaskNetwork":
        """The same head on its own: in: (batch, features, 1, 1), as `features` gives them."""
        return TaskNetwork(nn.Flatten(), self.head)

    def features(self, x: Tensor) -> Tensor:
        """What the head sees: (batch, features), or the maps that a task's own blocks take."""
        if self.crop and x.shape[-1] > self.crop:
            top, left = ((side - self.crop) // 2 for side in x.shape[2:])
            x = x[:, :, top : top + self.crop, left : left + self.crop]
            x = x.contiguous(memory_format=self.form)
        if self.input_size and x.shape[-1] != self.input_size:
            x = functional.interpolate(
                x, (self.input_size, self.input_size), mode="bicubic", antialias=True
            ).contiguous(memory_format=self.form)
        if self.standardise:
            x = standardised(x)
        if self.form is torch.channels_last and x.shape[1] == 1:
            # With one channel both forms lie alike in memory; only strides tell torch which to use.
            height, width = x.shape[2:]
            x = x.contiguous().as_strided(x.shape, (height * width, 1, width, 1))
        return self.body(x)


def standardised(x: Tensor) -> Tensor:
    """Each image of (N, C, H, W) less its mean, over its deviation: mean 0 and deviation 1.

    The deviation counts as a level of grey (1/255) over the root of C x H x W at least, so that an
    image of one colour is all zeros (the preprocessing of FaceNet and FaceLiveNet).
    """
    smallest = 1 / (255 * math.sqrt(x[0].numel()))
    deviation = x.var(dim=(1, 2, 3), correction=0, keepdim=True).sqrt()
    return (x - x.mean(dim=(1, 2, 3), keepdim=True)) / deviation.clamp_min(smallest)


def build(wanted: Architecture, seed: int = 0) -> TaskNetwork:
    """A freshly initialised network; the same seed gives the same weights, whatever ran before."""
    row = NETWORKS[wanted.name]
    side = wanted.input_size or wanted.crop or wanted.image_size
    sides = {"image_size": side} if row.knows_side else {}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        shape = wanted.in_channels, wanted.channels, wanted.width
        body = load(row.builder)(*shape, **row.options, **sides)
        features = int(body.out_features)
        if row.branch:
            top = load(row.branch)(features, wanted.classes, wanted.channels)
        else:
            outputs = features, wanted.classes, wanted.channels
            top = head_of(wanted.head, *outputs, row.bare_head, wanted.head_outputs)
        network = TaskNetwork(body, top, wanted.crop, wanted.input_size, wanted.standardise)
        network.channels_last = row.channels_last
        return network


def parts_of(head: nn.Module) -> tuple[Callable[[Tensor], Tensor], Callable[[Tensor], Tensor]]:
    """A head's embedding of what it sees, and what makes classes of that: one after the other."""
    if isinstance(head, Branch):
        return head.embedding, head.classes
    if isinstance(head, nn.Sequential):
        return head[0], head[1:]
    return nn.Identity(), head


def growth_of(name: str, channels: float, narrow: float, wide: float) -> Growth:
    """Where the channels of a network of one width lie in that of another."""
    if not NETWORKS[name].segments:
        return TOP_LEFT
    runs = load(NETWORKS[name].segments)
    return Growth(runs(channels, narrow), runs(channels, wide))


def memory_format(network: nn.Module, device: str) -> torch.memory_format:
    """Channels last on GPUs and, on CPUs, for narrow networks; the usual form elsewhere."""
    layers = [m for m in network.modules() if isinstance(m, nn.Conv2d)]
    narrow = max(layer.out_channels for layer in layers) <= _WIDEST_CHANNELS_LAST
    last = narrow or device != "cpu" or getattr(network, "channels_last", False)
    return torch.channels_last if last else torch.contiguous_format


def placed(network: TaskNetwork, device: str) -> TaskNetwork:
    """The network on a device, in its memory format there; bits depend on both."""
    network.form = memory_format(network, device)
    return network.to(device=device, memory_format=network.form)  # type: ignore[call-overload]


def check_image_size(name: str, side: int) -> None:
    """Raise ConfigError where images of `side` pixels do not fit a network."""
    wrong = misfit(name, side)
    if wrong:
        raise ConfigError(f"config key network.name: {wrong}; change it or image_size")
