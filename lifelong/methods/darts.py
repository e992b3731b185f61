"""DARTS-HPS and DARTS-DFCNN: which layers to share, found by gradient descent.

The search of Liu, Simonyan & Yang (DARTS, ICLR 2019) as LASEM (ICML 2021) compares itself with it:
every layer is a blend of a shared and an own one, weighted by a softmax; each batch steps these
weights first and the filters then; at the end each layer keeps its heavier kind, and what it would
have changed in shared layers it does not keep is rolled back. `darts.second_order` looks one step
of the filters ahead.

Unlike DARTS itself, both kinds of weights learn from the same training images, and the network is
measured, and kept, without being trained again once it has been decided. Nothing is quoted: the
tables of the paper were not to be had.

Measured here: darts_hps 38.2 %, darts_dfcnn 31.4 % on experiments/lasem_cifar100_small.yaml (stl:
42.0 %).
"""

from functools import partial

from lifelong.layers.deconvolution import DECONVOLUTION
from lifelong.layers.forms import HARD, Form
from lifelong.layers.mixture import Mixture
from lifelong.layers.network import task_view
from lifelong.methods.base import LayerMethod


def _darts(name: str, form: Form) -> LayerMethod:
    return LayerMethod(name, partial(Mixture, form=form), partial(task_view, form))


DARTS_HPS = _darts("darts_hps", HARD)
DARTS_DFCNN = _darts("darts_dfcnn", DECONVOLUTION)
