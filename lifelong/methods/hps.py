"""HPS: hard parameter sharing (Caruana, 1997), the same layers for all tasks, a head for each.

The shared layers follow whichever task is being trained, without protection. `layers.pattern` says
which layers are shared; the others are a task's own (a hybrid, in the words of LASEM, ICML 2021).

Measured here: hps 41.1 %, hps_top2 37.4 %, hps_bottom2 41.2 % on
experiments/lasem_cifar100_small.yaml (stl: 42.0 %); forgetting hps 4.6 points, hps_top2 7.9 points.
"""

from functools import partial

from lifelong.layers.fixed import FixedPattern
from lifelong.layers.forms import HARD
from lifelong.layers.network import task_view
from lifelong.methods.base import LayerMethod

HPS = LayerMethod(partial(FixedPattern, form=HARD), partial(task_view, HARD))
