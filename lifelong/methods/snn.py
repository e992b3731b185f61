"""SNN: a single network, classes included, trained on one task after another.

What the last task leaves is what every task is measured with: the other end of the scale from STL.
All tasks need the same number of classes. A baseline of LASEM (ICML 2021).

Measured here: 31.0 % on experiments/lasem_cifar100_small.yaml (stl: 41.1 %); forgetting 18.4
points.
"""

from functools import partial

from lifelong.layers.fixed import FixedPattern
from lifelong.layers.forms import HARD
from lifelong.layers.network import task_view
from lifelong.methods.base import LayerMethod

SNN = LayerMethod(partial(FixedPattern, form=HARD, one_head=True), partial(task_view, HARD))
