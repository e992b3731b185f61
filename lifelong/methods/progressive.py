"""Progressive neural networks (Rusu et al., 2016, arXiv:1606.04671): a column of layers a task.

Each task gets a network of its own that also looks, from its second layer on, at what every older
column makes of the same image, scaled, narrowed by 1 x 1 convolutions and convolved once more.
Older columns stay as they are, so that nothing is forgotten; weights and time grow with the square
of the number of tasks. The convolutional form and its numbers are those of LASEM's comparison
(ICML 2021): `columns.shrink` 1 or 2 narrows to inputs / (shrink x columns), one map at least;
nothing lies between the fully connected layers.

Nothing is quoted: the paper learns to play games, and LASEM's tables were not to be had.

Measured here: 42.3 % on experiments/lasem_cifar100_small.yaml (stl: 42.0 %).
"""

from lifelong.layers.columns import ColumnLearner, column_view
from lifelong.methods.base import LayerMethod

PROGRESSIVE = LayerMethod("progressive", ColumnLearner, column_view, isolates=True)
