"""TinySubNets (2024, arXiv 2412.10869), rebuilt so that it forgets nothing.

As WSN, and then fewer bits: own weights are pruned in 20 trials, each undone unless the accuracy on
the deciding split stays less than 0.2 points below the one before them all, and what is left is
replaced by 16 centres per layer and task, four bits a weight. The released program lets later tasks
overwrite weights of earlier ones, whose accuracies it copies from the row before instead of
measuring them, so that no number of it says what is forgotten. Here only own weights are pruned and
clustered, and every old task is measured again after every new one: to our knowledge the numbers in
docs/REPRODUCED.md are the first of the method that include forgetting.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch

from lifelong.masks import RankedLearner


@torch.no_grad()
def finish(
    learner: RankedLearner, measure: Callable[[], float], settings: Mapping[str, Any], seed: int
) -> None:
    """Prune own weights, layer by layer: `rounds` times the smallest `share` of a random layer.

    A round counts if the accuracy that `measure` gives stays above the first one less `allowed`;
    otherwise it is undone. `settings` are those of `retrain.drop`.
    """
    random = np.random.RandomState([seed >> 32, seed & 0xFFFFFFFF])
    floor, names = measure() - settings["allowed"], list(learner.layers)
    for _ in range(settings["rounds"]):
        layer = learner.layers[names[random.randint(len(names))]]
        own = layer.own()
        sizes = layer.value[own].abs().sort().values
        if len(sizes) < 2:
            continue
        least = sizes[round(settings["share"] * (len(sizes) - 1))]
        before = layer.mask.clone()
        layer.mask[own & (layer.value.abs() < least)] = 0
        layer.apply()
        if measure() <= floor:
            layer.mask.copy_(before)
            layer.apply()
