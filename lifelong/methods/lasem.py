"""LASEM: a task finds out by expectation-maximisation which layers it shares.

Lee, Behpour & Eaton, Sharing Less is More: Lifelong Learning in Deep Networks with Selective Layer
Transfer, ICML 2021. Every task learns all configurations of shared and own layers at once, on the
same tensors: how well each one tells the true classes of a batch makes its posterior (E), which
weighs its loss (M). The most probable one is kept; shared layers it does without are rolled back,
those it uses move for all tasks. `layers.groups` lets layers choose together (LASEM-G).

Three ways to share: HPS, TF and DF-CNN. As released, the probability of a configuration is the
mean over a batch of training images of what it gives the true class, so that fast fitting counts
and not generalisation; `lasem.likelihood: log` takes the product instead, and
`lasem.likelihood_images: validation` asks images that are held out. `lasem.search: 0.25` settles on
a pattern after a quarter of the epochs, and the rest are a single network's; `lasem.first: share`
shares all layers of the first task, when both kinds of a layer are still alike, without a search.
Nothing is quoted: the tables of the paper were not to be had.

Measured here: lasem_hps 37.3 %, lasem_tf 40.2 %, lasem_dfcnn 43.9 % on
experiments/lasem_cifar100_small.yaml (stl: 42.0 %); forgetting lasem_hps 5.1 points.
On the three draws of experiments/lasem_search_small.yaml lasem_hps 39.2 %, with `first: share` and
`search: 0.25` 42.0 % in 0.3 of the time (stl: 41.5 %).
"""

from functools import partial

from lifelong.layers.deconvolution import DECONVOLUTION
from lifelong.layers.expectation import learner
from lifelong.layers.forms import HARD, Form
from lifelong.layers.network import task_view
from lifelong.layers.tensor_factors import TENSOR_FACTORS
from lifelong.methods.base import LayerMethod


def _lasem(name: str, form: Form) -> LayerMethod:
    return LayerMethod(name, partial(learner, form=form), partial(task_view, form))


LASEM_HPS = _lasem("lasem_hps", HARD)
LASEM_TF = _lasem("lasem_tf", TENSOR_FACTORS)
LASEM_DFCNN = _lasem("lasem_dfcnn", DECONVOLUTION)
