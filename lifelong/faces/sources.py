"""Where faces come from: one function a data set, a root and options in, `FaceSet` out."""

from collections.abc import Callable

from lifelong.faces.adience import adience
from lifelong.faces.lfw import lfw
from lifelong.faces.samples import FaceSet
from lifelong.faces.tables import affectnet, utkface
from lifelong.faces.trees import class_folders, fer2013, fotw, identity_folders

SOURCES: dict[str, Callable[..., FaceSet]] = {
    "identity_folders": identity_folders,
    "class_folders": class_folders,
    "lfw": lfw,
    "adience": adience,
    "affectnet": affectnet,
    "fotw": fotw,
    "fer2013": fer2013,
    "utkface": utkface,
}
