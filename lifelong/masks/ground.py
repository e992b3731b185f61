"""Weights that belong to no task and are never trained: all tasks pick among them.

They are owned by `GROUND`. Those of a seed are in no file; pretrained ones are task 0 of a model,
a `Part` that lies beside its tasks. The smallest of them in every layer may be
released to the tasks.
"""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from lifelong.masks.prune import cut
from lifelong.plan.seeds import seed_of

GROUND = 255  # the owner of such weights; tasks count from 1 and there are at most 254
PRETRAINED = "pretrained"  # the kind of ground that a file holds


def ground_of(ground: Mapping[str, Any], name: str, shape: tuple[int, ...]) -> np.ndarray:
    """The weights of a layer, float32 of `shape`: +-sqrt(2 / fan in), signs by the seed.

    "signed_constants" of SupSup (Wortsman et al., NeurIPS 2020): Kaiming's deviation for ReLU.
    """
    seed = seed_of(ground["seed"], name)
    random = np.random.RandomState([seed >> 32, seed & 0xFFFFFFFF])
    signs = random.randint(0, 2, size=shape).astype(np.float32) * 2 - 1
    return signs * np.float32(math.sqrt(2 / np.prod(shape[1:])))


def owners_of(weights: np.ndarray, released: float) -> np.ndarray:
    """Who owns pretrained weights, uint8: nobody the `released` share that is smallest.

    Where nothing is released, zeros are the ground's too.
    """
    magnitudes = np.abs(weights)
    threshold = cut(torch.from_numpy(magnitudes), released)
    kept = np.ones(weights.shape, bool) if threshold is None else magnitudes > threshold
    return np.where(kept, np.uint8(GROUND), np.uint8(0))
