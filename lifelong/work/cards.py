"""What the card of a task says of its network, and of how pictures become what that sees."""

from collections.abc import Mapping
from typing import Any

from lifelong.data.batches import TaskData


def sights(network: Mapping[str, Any], images: Mapping[str, Any], data: TaskData) -> dict[str, Any]:
    """Fields of a card, the same for every family of methods.

    `network` and `images` are those of a stage's spec, `data` are the images as they were loaded.
    """
    return {
        "classes": data.classes,
        "network": network["name"],
        "channels": network["channels"],
        "in_channels": int(data.train.images.shape[1]),
        "image_size": int(data.train.images.shape[-1]),
        "mean": data.mean,
        "std": data.std,
        "crop": data.crop,
        "alignment": images.get("alignment", ""),
        "channel_order": tuple(images.get("channel_order", ())),
        "pixel_order": images.get("pixel_order", ""),
        "noise": images.get("noise"),
        "framing": images.get("framing"),
        "input_size": network.get("input_size", 0),
        "standardise": network.get("standardise", False),
        "head_outputs": network.get("head_outputs", 0),
    }
