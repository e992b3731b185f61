"""HPS: hard parameter sharing (Caruana, 1997), the same layers for all tasks, a head for each.

The shared layers follow whichever task is being trained, without protection. `layers.pattern` says
which layers are shared; the others are a task's own (a hybrid, in the words of LASEM, ICML 2021).

Measured here: hps 39.4 %, hps_top2 38.2 %, hps_bottom2 41.3 % on
experiments/lasem_cifar100_small.yaml (stl: 41.1 %); forgetting hps 3.1 points, hps_top2 4.2 points.
"""

from functools import partial

from lifelong.layers.fixed import FixedPattern
from lifelong.layers.forms import HARD
from lifelong.layers.network import task_view
from lifelong.methods.base import LayerMethod

HPS = LayerMethod(partial(FixedPattern, form=HARD), partial(task_view, HARD))
