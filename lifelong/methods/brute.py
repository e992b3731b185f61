"""Brute force: every pattern is trained to the end, and the best on the deciding split is kept.

What LASEM (Lee, Behpour & Eaton, ICML 2021) shortens: each task is learned once with every pattern
of shared and own layers, from the same model each time. The first task shares with nobody; the
second imposes its pattern on it, so that what the first task learned is what is shared.
`layers.groups` makes layers choose together, and the search shorter.

The pattern with the best epoch wins, with the weights of its last epoch, as released. Nothing is
quoted: the tables of the paper were not to be had.

Measured here: brute_hps 39.2 %, brute_tf 38.5 %, brute_dfcnn 41.0 % on
experiments/lasem_cifar100_small.yaml with a quarter of the epochs (stl: 42.0 %).
"""

from functools import partial

from lifelong.layers.deconvolution import DECONVOLUTION
from lifelong.layers.forms import HARD, Form
from lifelong.layers.search import Imposed, imposed_view, tried
from lifelong.layers.tensor_factors import TENSOR_FACTORS
from lifelong.methods.base import LayerMethod


def _brute(name: str, form: Form) -> LayerMethod:
    return LayerMethod(name, partial(Imposed, form=form), partial(imposed_view, form), tries=tried)


BRUTE_HPS = _brute("brute_hps", HARD)
BRUTE_TF = _brute("brute_tf", TENSOR_FACTORS)
BRUTE_DFCNN = _brute("brute_dfcnn", DECONVOLUTION)
