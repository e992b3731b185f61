"""What a model says of one of its tasks beside weights: enough to build its network and use it."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, TypeVar

from lifelong.plan.networks import Architecture

PREALIGNED = "prealigned"  # faces that somebody else cut out, nobody knows how
UNKNOWN = "unknown"  # of a shard from before shards said how its images were framed
_TUPLES = ("classes", "mean", "std", "lineage", "channel_order")


@dataclass(frozen=True, kw_only=True)
class Card:
    """One task of a model of any family. `base` is its method, `method` perhaps a variant of it.

    Classes are in the order of the network's outputs. `mean` and `std` are per channel, of pixels
    in [0, 1].
    """

    experiment: str
    method: str
    base: str = ""
    seed: int
    position: int
    task: str
    classes: tuple[str, ...]
    network: str
    channels: float
    width: float = 1.0
    in_channels: int
    image_size: int
    mean: tuple[float, ...]
    std: tuple[float, ...]
    lineage: tuple[str, ...]  # digests of the shards before it, oldest first
    alone: bool = False  # a separate network: it shares nothing with other tasks
    head: str = "linear"  # or "angular": its loss has a margin between directions
    crop: int = 0  # pixels it sees: of its images the centre, random squares while it learned
    alignment: str = ""  # how faces were framed: a preset, PREALIGNED, or "" where there are none
    channel_order: tuple[int, ...] = ()  # of a picture's channels, as the network sees them
    pixel_order: str = ""  # "published": scrambled as some programs read CIFAR-100
    noise: Mapping[str, Any] | None = None  # put on every picture: mean, std and seed
    framing: Mapping[str, Any] | None = None  # how pictures become images, where not just resized
    # Weights of no task: their kind and, of those a seed gives, the seed; of pretrained ones the
    # digest of their file and the share of them that tasks may claim. See masks/ground.
    ground: Mapping[str, Any] | None = None
    input_size: int = 0  # pixels that its images are enlarged or shrunk to; 0: as they are
    head_outputs: int = 0  # of its output layer while it is trained; 0: one per class
    standardise: bool = False  # the network sees each image less its mean, over its deviation

    def architecture(self) -> Architecture:
        """What `nets.build` makes the task's network of."""
        return Architecture(
            self.network,
            self.in_channels,
            len(self.classes),
            self.channels,
            self.width,
            self.image_size,
            self.head,
            self.crop,
            self.input_size,
            self.standardise,
            self.head_outputs,
        )


_LATER = {
    "framing": None,
    "ground": None,
    "pixel_order": "",
    "input_size": 0,
    "standardise": False,
    "head_outputs": 0,
}  # not written where it says nothing: older cards lack it


def written_card(card: Any) -> dict[str, Any]:
    """A card as JSON holds it; `card_from` takes it apart."""
    facts = asdict(card)
    return {name: value for name, value in facts.items() if _LATER.get(name, ...) != value}


_Card = TypeVar("_Card", bound=Card)


def card_from(form: type[_Card], written: Mapping[str, Any]) -> _Card:
    """A card as JSON gives it back, of this version or an older one.

    Raises TypeError where something is missing or not known.
    """
    known = {"alignment": UNKNOWN, **written}
    known = {name: tuple(value) if name in _TUPLES else value for name, value in known.items()}
    known.setdefault("base", known.get("options", {}).get("base", known["method"]))
    return form(**known)
