"""Where faces come from: one function per data set, a root and options in, `FaceSet` out."""

from lifelong.faces.adience import adience
from lifelong.faces.expression_pairs import ckplus_pairs, oulu_casia_pairs
from lifelong.faces.expressions import ckplus, oulu_casia
from lifelong.faces.lfw import lfw
from lifelong.faces.tables import affectnet, utkface
from lifelong.faces.trees import class_folders, fer2013, fotw, identity_folders

__all__ = [
    "adience",
    "affectnet",
    "ckplus",
    "ckplus_pairs",
    "class_folders",
    "fer2013",
    "fotw",
    "identity_folders",
    "lfw",
    "oulu_casia",
    "oulu_casia_pairs",
    "utkface",
]
