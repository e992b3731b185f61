"""APD: additive parameter decomposition (Yoon, Kim, Yang & Hwang, ICLR 2020).

A task's filters are shared ones, scaled channel by channel, plus a sparse addition of its own. When
a new task moves the shared ones, the additions of older tasks learn along and hold their filters
where they were. Every few tasks additions are clustered, and what is alike is kept once a group.

`apd` is this, with the fully connected layers and biases a task's own, and RMSProp unless
`apd.optimiser` says otherwise. `apd_repo` is what the program of LASEM (ICML 2021) has under the
name: masks and additions weight by weight, shared biases, nothing that holds the shared weights, no
pruning and no groups. Nothing is quoted: APD's paper has another network, and the tables of LASEM
were not to be had.

Measured here: apd 45.0 %, apd_repo 40.4 % on experiments/lasem_cifar100_small.yaml (stl: 42.0 %);
forgetting apd_repo 2.4 points.
"""

from lifelong.layers.decomposition import Decomposition, decomposed_view
from lifelong.layers.full_masks import FullMasks, full_masks_view
from lifelong.methods.base import LayerMethod

APD = LayerMethod("apd", Decomposition, decomposed_view)
APD_REPO = LayerMethod("apd_repo", FullMasks, full_masks_view)
