"""Conditional channel gating (Abati et al., CVPR 2020): each image passes only some filters.

Each task has a small gate in front of every layer that opens or shuts its filters image by image,
and is charged for those it opens. What it uses is frozen when it has been learned, the rest drawn
afresh; so later tasks build on its filters and never touch them. Norms are a task's own.

`gated` is this. `gated_repo` is what the program of LASEM (ICML 2021) has under the name: shared
layers without protection, weighed by the softmax of large gates, and a charge without effect.
Nothing is quoted: the paper has other networks and protocols, the tables of LASEM were not to be
had.

Measured here: gated 33.9 %, gated_repo 17.1 % on experiments/lasem_cifar100_small.yaml (stl: 42.0
%).
"""

from lifelong.layers.gates import ChannelGates, gated_view
from lifelong.layers.soft_gates import SoftGates, soft_view
from lifelong.methods.base import LayerMethod

GATED = LayerMethod("gated", ChannelGates, gated_view, isolates=True)
GATED_REPO = LayerMethod("gated_repo", SoftGates, soft_view)
