"""Optimisers and schedules, with the bits of the papers' programs."""

from lifelong.optim.optimisers import Adam
from lifelong.optim.rmsprop import RMSProp

# What a method of the layer family may be trained with, by the name in its settings.
OPTIMISERS: dict[str, type[Adam] | type[RMSProp]] = {"adam": Adam, "rmsprop": RMSProp}
