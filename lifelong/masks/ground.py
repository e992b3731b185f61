"""Weights that belong to no task and are never trained: all tasks pick among them.

They are owned by `GROUND` and come from a seed, so that no file holds them.
"""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from lifelong.plan.seeds import seed_of

GROUND = 255  # the owner of such weights; tasks count from 1 and there are at most 254


def ground_of(ground: Mapping[str, Any], name: str, shape: tuple[int, ...]) -> np.ndarray:
    """The weights of a layer, float32 of `shape`: +-sqrt(2 / fan in), signs by the seed.

    "signed_constants" of SupSup (Wortsman et al., NeurIPS 2020): Kaiming's deviation for ReLU.
    """
    seed = seed_of(ground["seed"], name)
    random = np.random.RandomState([seed >> 32, seed & 0xFFFFFFFF])
    signs = random.randint(0, 2, size=shape).astype(np.float32) * 2 - 1
    return signs * np.float32(math.sqrt(2 / np.prod(shape[1:])))
