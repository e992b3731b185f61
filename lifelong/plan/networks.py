"""The table of networks: which images they take, which families train them, and who builds them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from lifelong.plan.code import Table
from lifelong.plan.stacks import STACKS, Stack


@dataclass(frozen=True)
class Network:
    """One network.

    `builder` is "module:object", called with in_channels, channels and width and its `options`, and
    gives a body with `out_features`; a network that shares layers is described by its `stack`
    instead. Sides are in pixels; `largest` None: no limit.
    """

    name: str
    families: tuple[str, ...] = ("separate", "masks", "joint")
    builder: str = ""
    smallest: int = 1
    largest: int | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    knows_side: bool = False  # its builder is told `image_size`: its last maps are flattened
    halvings: int = 0  # of maps before hidden layers, which are made for the side that is left
    bare: bool = False  # no biases, no norms: a unit whose weights are all zero never learns
    bare_head: bool = False  # its output layers have no biases, and start as torch starts them
    branch: str = ""  # "module:function" of a task's own blocks in place of a head
    segments: str = ""  # "module:function": where concatenated channels widen each for itself
    stack: Stack | None = None
    grows: bool = True  # it has as many channels as a width and `network.channels` say
    colour: bool = False  # it takes three channels and no others
    channels_last: bool = False  # on CPUs too, though it is wide: depthwise layers are faster so
    classes_key: str = ""  # the layer of classes in files of weights, which every task replaces


@dataclass(frozen=True)
class Architecture:
    """All that a network is built of, but for the seed of its weights; sides are in pixels.

    `head`: "linear" or "angular". `crop`: how many pixels of its images it sees, 0 for all.
    `input_size`: the side that these become, 0 for their own. `standardise`: whether each image
    gets mean 0 and deviation 1 before the first layer. `head_outputs`: those of a linear head, 0
    for one per class.
    """

    name: str
    in_channels: int
    classes: int
    channels: float = 1.0
    width: float = 1.0
    image_size: int = 112
    head: str = "linear"
    crop: int = 0
    input_size: int = 0
    standardise: bool = False
    head_outputs: int = 0


_INCEPTION: dict[str, Any] = {
    "builder": "lifelong.nets.inception_resnet:InceptionResNetV1",
    "segments": "lifelong.nets.inception_resnet:segments",
    "smallest": 75,  # convolutions without padding leave one pixel of these
}
TORCHVISION = "torchvision/"  # before the name of a classifier of torchvision
_CLASSIFIERS = (
    *("mobilenet_v2", "mobilenet_v3_small", "mobilenet_v3_large", "mnasnet1_0"),
    *("shufflenet_v2_x1_0", "efficientnet_b0", "efficientnet_v2_s", "regnet_y_400mf"),
    *("resnet34", "resnet101", "resnext50_32x4d", "wide_resnet50_2", "densenet121"),
    *("convnext_tiny", "convnext_small"),
)
_RESNET: dict[str, Any] = {
    "builder": "lifelong.nets.resnet:ResNet",
    "smallest": 32,
    "classes_key": "fc",
}
_ROWS = (
    # Five pools must leave one pixel.
    Network("vgg16_bn", builder="lifelong.nets.vgg:VGG16BN", smallest=32, largest=63),
    Network("small_cnn", builder="lifelong.nets.small_cnn:SmallCNN", smallest=4),
    # For CIFAR-100's superclasses.
    Network(
        "lenet",
        builder="lifelong.nets.lenet:LeNet",
        smallest=8,
        largest=64,
        knows_side=True,
        halvings=2,
        bare=True,
        bare_head=True,
    ),
    # For faces; its head grows with the image.
    Network(
        "spherenet20",
        builder="lifelong.nets.spherenet:SphereNet20",
        smallest=8,
        largest=224,
        knows_side=True,
    ),
    # For faces; reduced: one block of each size.
    Network("inception_resnet_v1", **_INCEPTION),
    Network("inception_resnet_v1_reduced", **_INCEPTION, options={"blocks": (1, 1, 1)}),
    # For faces, several tasks of them at once; it does not widen.
    Network(
        "facelivenet",
        ("separate", "joint"),
        builder="lifelong.nets.facelivenet:Trunk",
        branch="lifelong.nets.facelivenet:branch",
        smallest=75,
    ),
    # For photographs, with the names of the weights that are published for them.
    Network(
        "efficientnet_lite0",
        builder="lifelong.nets.efficientnet_lite:EfficientNetLite0",
        smallest=32,
        channels_last=True,
        classes_key="_fc",
    ),
    Network("resnet18", **_RESNET, options={"blocks": (2, 2, 2, 2)}),
    Network("resnet50", **_RESNET, options={"blocks": (3, 4, 6, 3), "bottleneck": True}),
    *(
        Network(
            f"{TORCHVISION}{name}",
            builder="lifelong.nets.torchvision_models:body",
            smallest=32,
            options={"name": name},
            grows=False,
            colour=True,
        )
        for name in _CLASSIFIERS
    ),
    *(Network(name, ("layers",), stack=stack) for name, stack in STACKS.items()),
)

NETWORKS: Table[Network] = Table("lifelong.networks", _ROWS)


def left_side(name: str, side: int) -> int:
    """The side that maps have where a network flattens them, so often are they halved."""
    for _ in range(NETWORKS[name].halvings):
        side = (side + 1) // 2
    return side


def misfit(name: str, side: int) -> str | None:
    """Why images of `side` x `side` pixels do not fit a network, or None."""
    row = NETWORKS[name]
    if side < row.smallest:
        return f"{name} needs images of at least {row.smallest}x{row.smallest} pixels, not {side}"
    if row.largest is not None and side > row.largest:
        return f"{name} takes images of at most {row.largest}x{row.largest} pixels, not {side}"
    return None


def stack_of(name: str) -> Stack:
    """The layers of a network whose layers are shared. Raises KeyError for others."""
    stack = NETWORKS[name].stack
    if stack is None:
        raise KeyError(name)
    return stack
