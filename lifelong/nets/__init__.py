"""Plain networks whose channels scale with a width; they know nothing of tasks or masks."""

from lifelong.nets.build import TaskNetwork, build, growth_of, memory_format, placed
from lifelong.nets.growth import TOP_LEFT, Growth, copy_into, scaled

__all__ = [
    "TOP_LEFT",
    "Growth",
    "TaskNetwork",
    "build",
    "copy_into",
    "growth_of",
    "memory_format",
    "placed",
    "scaled",
]
