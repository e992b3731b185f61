"""DEN: lifelong learning with dynamically expandable networks (Yoon et al., ICLR 2018).

All tasks have hidden layers in common and an output layer each. A new task first trains its output
layer, then the units that this turned out to use, held near what they were; if its loss stays high
all hidden layers get new units, of which whole ones are shrunk away again; and units that moved far
are split into what they were and what they became. A task is used with the units that were there
when it was learned, so that new ones never disturb it; common ones may move a little.

What is left open by the paper is decided here: shares of the epochs 0.1, 0.3, 0.3 and 0.3 as LASEM
(ICML 2021) compares with it; the loss is the mean cross entropy of an epoch; decay and soft
thresholds pull weights alone, the drift penalty biases too; a split unit's copy takes half of its
connections with units that older tasks do not see, and none with those they do. The published
programs select units by the first class only, and one of them splits the units that moved least;
not so here. Networks with skips are refused, because their layers cannot grow one by one.

The paper reports, for MNIST variations, CIFAR-100 and AWA, accuracies of separate networks with a
fraction of their size; its networks and tasks are others, so nothing is quoted.

Measured here: 29.8 % on experiments/lasem_cifar100_small.yaml (stl: 42.0 %); forgetting 11.2
points.
"""

from lifelong.layers.expansion import ExpandingLearner
from lifelong.layers.growing import unit_view
from lifelong.methods.base import LayerMethod

DEN = LayerMethod("den", ExpandingLearner, unit_view)
