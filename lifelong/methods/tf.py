"""TF: shared layers are a core that all tasks have and factors of each task's own.

After Yang & Hospedales (Deep Multi-task Representation Learning: A Tensor Factorisation Approach,
ICLR 2017) and Bulat et al. (Incremental Multi-domain Learning with Network Latent Tensor
Factorization, AAAI 2020), in the form that LASEM (ICML 2021) compares with: the core has full size,
belongs to one layer and follows every task; a task's factors and bias stay as the task left them.
`tf.orthogonality` keeps the factors of the task being learned near orthogonal matrices.

`layers.pattern` says which layers are shared. Nothing is quoted: the tables of the paper were not
available.

Measured here: 34.5 % on experiments/lasem_cifar100_small.yaml (stl: 41.1 %).
"""

from functools import partial

from lifelong.layers.fixed import FixedPattern
from lifelong.layers.network import task_view
from lifelong.layers.tensor_factors import TENSOR_FACTORS
from lifelong.methods.base import LayerMethod

TF = LayerMethod(partial(FixedPattern, form=TENSOR_FACTORS), partial(task_view, TENSOR_FACTORS))
