"""The table of sources: how raw images lie on disk, and what the configuration may say of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lifelong.plan.class_names import DIGITS, OFFICE_HOME, OFFICE_HOME_DOMAINS, STL10, SUPERCLASSES
from lifelong.plan.code import Table

Classes = Mapping[str, tuple[str, ...]]  # by group, "" where there are no groups


@dataclass(frozen=True)
class Source:
    """One source of images.

    `reader` is "module:function": of images it takes the settings of a data set and a logger and
    gives a `RawSet`; of `faces` it takes a folder and the options and gives a `FaceSet`.
    """

    name: str
    reader: str
    title: str = ""  # of the published set, in messages; default: the name
    classes: Classes | None = None  # where they are published
    listed: bool = False  # tasks must list their classes, and name no group
    channels: int | None = None  # where there is no choice
    side: int | None = None  # in pixels, where there is no choice
    usual_side: int = 32  # in pixels, where nothing is said
    resizes: bool = False  # pictures of any size, so that image_size must be said
    named: bool = False  # `name` says which of torchvision's sets
    has_root: bool = True
    tree: bool = False  # folders name its groups and classes; see trees.py
    scrambles: bool = False  # published programs read its pixels in another order
    percent: bool = False  # `draw` may count in percent
    faces: bool = False
    may: frozenset[str] = frozenset()  # options of a face set
    must: frozenset[str] = frozenset()  # those of them it cannot do without
    folds: int | None = None  # as published, where there is no choice
    own_splits: bool = False  # its reader is told the fold and makes all splits; faces are cut out
    only_pairs: bool = False  # its pictures are for pairs; no task learns them
    shows: str = ""  # of pairs: the source whose expressions are asked for

    def __post_init__(self) -> None:
        object.__setattr__(self, "title", self.title or self.name)  # the dataclass is frozen


def _images(name: str, **more: Any) -> Source:
    return Source(name, f"lifelong.data.sources:{name}", **more)


def _official(name: str, title: str) -> Source:
    """Photographs as their authors publish them."""
    return Source(name, f"lifelong.data.official:{name}", title, channels=3, resizes=True)


def _faces(name: str, may: str = "", must: str = "", **more: Any) -> Source:
    reader = f"lifelong.faces.sources:{name}"
    needed = frozenset(must.split())
    return Source(name, reader, faces=True, may=needed.union(may.split()), must=needed, **more)


_CIFAR: dict[str, Any] = {
    "title": "CIFAR-100",
    "classes": SUPERCLASSES,
    "channels": 3,
    "side": 32,
    "percent": True,
    "scrambles": True,
}
_EXPRESSION_PAIRS: dict[str, Any] = {"own_splits": True, "only_pairs": True}
_ROWS = (
    _images(
        "digits",
        title="digits",
        classes={"": DIGITS},
        listed=True,
        channels=1,
        usual_side=8,
        has_root=False,
    ),
    _images("cifar100", **_CIFAR),
    _images("cifar100_folders", **_CIFAR),
    _images(
        "office_home",
        title="Office-Home",
        classes=dict.fromkeys(OFFICE_HOME_DOMAINS, OFFICE_HOME),
        channels=3,
        resizes=True,
    ),
    _images("stl10", title="STL-10", classes={"": STL10}, channels=3, side=96, usual_side=96),
    _images("image_folder", resizes=True, tree=True),
    Source("torchvision", "lifelong.data.torchvision_sets:torchvision", resizes=True, named=True),
    _official("cubs_cropped", "CUB-200-2011"),
    _official("stanford_cars_cropped", "Stanford Cars"),
    _official("flowers102", "Oxford Flowers"),
    _official("imagenet", "ImageNet"),
    _faces("identity_folders"),
    _faces("class_folders"),
    _faces("lfw", "missing", "pairs", only_pairs=True),
    _faces("adience", "faces odd_ages missing", "labels fold", folds=5),
    _faces("affectnet", "images contempt missing"),
    _faces("fotw"),
    _faces("fer2013"),
    _faces("utkface", must="labels"),
    _faces("oulu_casia", "folds", "labels fold", own_splits=True),
    _faces("ckplus", "folds", "labels fold", own_splits=True),
    _faces("oulu_casia_pairs", "pairs folds", "fold", shows="oulu_casia", **_EXPRESSION_PAIRS),
    _faces("ckplus_pairs", "pairs folds", "fold", shows="ckplus", **_EXPRESSION_PAIRS),
)

SOURCES: Table[Source] = Table("lifelong.sources", _ROWS)
