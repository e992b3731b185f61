"""DF-CNN: shared layers are a small base that all tasks have, deconvolved and mixed by each task.

Lee, Stokes & Eaton, Learning Shared Knowledge for Deep Lifelong Learning using Deconvolutional
Networks, IJCAI 2019. A task turns the base of a layer into a filter by a deconvolution and a tensor
contraction of its own, so that later tasks move an older task's filters through the base alone.
`layers.pattern` says which layers are shared (all of them in the paper; hybrids in LASEM, ICML
2021).

`dfcnn.l2_shared` and `dfcnn.l2_own` are 0: the released code means to penalise both, but its
penalty is of the order of 1e-21. Nothing is quoted: the tables of the papers were not available.

Measured here: 45.3 % on experiments/lasem_cifar100_small.yaml (stl: 41.1 %).
"""

from functools import partial

from lifelong.layers.deconvolution import DECONVOLUTION
from lifelong.layers.fixed import FixedPattern
from lifelong.layers.network import task_view
from lifelong.methods.base import LayerMethod

DFCNN = LayerMethod(partial(FixedPattern, form=DECONVOLUTION), partial(task_view, DECONVOLUTION))
