"""STL: single-task learning, one network per task; the reference of LASEM's tables.

Nothing is shared and nothing forgotten. LASEM (ICML 2021) compares with it.

Measured here: 41.1 % on experiments/lasem_cifar100_small.yaml (three tasks, few epochs, one seed).
"""

from functools import partial

from lifelong.layers.fixed import FixedPattern
from lifelong.layers.forms import HARD
from lifelong.layers.network import task_view
from lifelong.methods.base import LayerMethod

STL = LayerMethod(partial(FixedPattern, form=HARD), partial(task_view, HARD))
