"""Plain networks whose channels scale with a width; they know nothing of tasks or masks."""

from lifelong.nets.build import NETWORKS, Network, build, placed
from lifelong.nets.growth import copy_top_left, scaled

__all__ = ["NETWORKS", "Network", "build", "copy_top_left", "placed", "scaled"]
