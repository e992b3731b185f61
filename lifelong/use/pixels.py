"""A task's network with all that happens to pixels before it, as one module to export."""

from typing import Any

import torch
from torch import Tensor, nn

from lifelong.data.device_split import Normal
from lifelong.plan.card import Card


class FromPixels(nn.Module):
    """In: uint8 (N, C, S, S) as a pack holds it. Out: (N, classes) logits.

    Channels and pixels are put in the task's order and normalised; noise is not put on.
    """

    channel_order: Tensor

    def __init__(self, card: Card, network: Any) -> None:
        super().__init__()
        self.pixel_order = card.pixel_order
        order = card.channel_order or range(card.in_channels)
        self.register_buffer("channel_order", torch.tensor(tuple(order)))
        self.normal = Normal(card.mean, card.std, "cpu")
        network.form = torch.contiguous_format  # another form is faster, and no exporter knows it
        self.network = network.to("cpu", memory_format=torch.contiguous_format)
        self.eval()

    def forward(self, images: Tensor) -> Tensor:
        images = images.index_select(1, self.channel_order)
        if self.pixel_order == "published":
            count, channels, height, width = images.shape
            interleaved = images.reshape(count, height, width, channels)
            images = interleaved.permute(0, 3, 1, 2)
        logits: Tensor = self.network(self.normal(images))
        return logits
