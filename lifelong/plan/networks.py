"""Which images a network takes; the Snakefile must know it without importing torch."""

# Smallest and largest side in pixels; None: no limit. Five pools of VGG16 must leave one pixel;
# heads on the flattened maps of SphereNet grow with the image;
# convolutions without padding leave Inception-ResNet one pixel of 75.
IMAGE_SIDES: dict[str, tuple[int, int | None]] = {
    "vgg16_bn": (32, 63),
    "small_cnn": (4, None),
    "spherenet20": (8, 224),
    "inception_resnet_v1": (75, None),
    "inception_resnet_v1_reduced": (75, None),
}


def misfit(network: str, side: int) -> str | None:
    """Why images of `side` x `side` pixels do not fit a network, or None."""
    smallest, largest = IMAGE_SIDES.get(network, (1, None))  # stacks of layers take any image
    if side < smallest:
        return f"{network} needs images of at least {smallest}x{smallest} pixels, not {side}"
    if largest is not None and side > largest:
        return f"{network} takes images of at most {largest}x{largest} pixels, not {side}"
    return None


# SHIM until the table of networks is here.
from dataclasses import dataclass as _d  # noqa: E402

from lifelong.plan.stacks import STACKS, Stack  # noqa: E402


@_d(frozen=True)
class Network:
    name: str
    families: tuple[str, ...]


NETWORKS = {n: Network(n, ("separate", "masks")) for n in ("small_cnn", "vgg16_bn", *IMAGE_SIDES)}
NETWORKS |= {n: Network(n, ("layers",)) for n in STACKS}


def stack_of(name: str) -> Stack:
    return STACKS[name]
