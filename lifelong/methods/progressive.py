"""Progressive neural networks (Rusu et al., 2016, arXiv:1606.04671): one column of layers per task.

Each task gets a network of its own that also looks, from its second layer on, at what every older
column makes of the same image, scaled, narrowed by 1 x 1 convolutions and convolved once more.
Older columns stay as they are, so that nothing is forgotten; weights and time grow with the square
of the number of tasks. The convolutional form and its numbers are those of LASEM's comparison
(ICML 2021): `columns.shrink` 1 or 2 narrows to inputs / (shrink x columns), one map at least;
nothing lies between the fully connected layers.

Nothing is quoted: the paper learns to play games, and LASEM's tables were not available.

Measured here: 41.5 % on experiments/lasem_cifar100_small.yaml (stl: 41.1 %).

In tensors: beside `t003.own.{layer}.…` a column has, from layer 1 on and for all columns but the
first, `t003.side.{layer}.{name}` for what comes from the older columns' layer below, oldest first:
`alpha` (columns,) scales its maps, `reduce` (columns x fewer, channels, 1, 1) and `bias` (columns x
fewer,) make them fewer, a ReLU follows, and `weight` (outputs, columns x fewer, k, k) adds what is
left to the layer before its ReLU. Skips, on networks that have them, are added there too.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.nn import functional

from lifelong.layers.fixed import on_device
from lifelong.layers.forms import LayerShape
from lifelong.layers.learner import LayerLearner, LayerStart
from lifelong.layers.model import LayerModel, TaskView, Tensors
from lifelong.layers.network import (
    head_of,
    inside,
    own_filter,
    shapes_of,
    start_head,
    start_layer,
    start_own_layer,
)
from lifelong.layers.part import LayerCard
from lifelong.methods.base import LayerMethod
from lifelong.nets.conv_stack import (
    START_BIAS,
    Filter,
    convolve,
    dropout,
    head,
    pooled,
    shrunk,
    start_plain,
    through,
)
from lifelong.plan.stacks import Stack

Maps = list[Tensor]  # what leaves each layer of a column: (batch, channels, side, side)


@dataclass(frozen=True)
class Column:
    """The tensors of one task's column; layer 0 has no side."""

    stack: Stack
    filters: Sequence[Filter]
    sides: Sequence[Mapping[str, Tensor]]

    @classmethod
    def of(cls, tensors: Mapping[str, Tensor], card: LayerCard, depth: int) -> "Column":
        """A task's column, its first `depth` layers."""
        stack = replace(card.stack, kernels=card.stack.kernels[:depth])
        sides = [inside(tensors, f"{card.own}side.{layer}") for layer in range(depth)]
        return cls(stack, [own_filter(tensors, card.own, layer) for layer in range(depth)], sides)

    def features(self, x: Tensor, older: Sequence[Maps]) -> tuple[Tensor, Maps]:
        """What leaves the last layer, (batch, flat), and the maps of all layers."""
        outputs: Maps = []

        def step(index: int, x: Tensor, skip: Tensor | None) -> Tensor:
            here = convolve(x, self.filters[index])
            if self.sides[index]:
                here = here + seen_aside(self.sides[index], [maps[index - 1] for maps in older])
            if skip is not None:  # before the ReLU, unlike in the other methods, as released
                here = here + shrunk(skip, here.shape[-1])
            outputs.append(pooled(here.relu_(), self.stack.pools[index]))
            return outputs[-1]

        return through(x, self.stack, step), outputs


def seen_aside(side: Mapping[str, Tensor], maps: Maps) -> Tensor:
    """What older columns' maps of the layer below, oldest first, add to a layer."""
    scaled = torch.stack(maps, 1) * side["alpha"][:, None, None, None]
    reduced = functional.conv2d(
        scaled.flatten(1, 2), side["reduce"], side["bias"], groups=len(maps)
    )
    return functional.conv2d(reduced.relu_(), side["weight"], padding=side["weight"].shape[-1] // 2)


def start_side(
    shape: LayerShape, older: int, shrink: int, generator: torch.Generator
) -> dict[str, Tensor]:
    """Fresh tensors with which a layer looks at `older` columns."""
    fewer = max(1, shape.inputs // (shrink * (older + 1)))
    alpha, _ = start_plain((older,), generator)
    reduce, bias = start_plain((older * fewer, shape.inputs, 1, 1), generator, START_BIAS)
    weight, _ = start_plain((shape.outputs, older * fewer, shape.kernel, shape.kernel), generator)
    return {"alpha": alpha, "reduce": reduce, "bias": bias, "weight": weight}


def maps_of(columns: Sequence[Column], x: Tensor) -> list[Maps]:
    """The maps of columns, oldest first, each looking at those before it."""
    maps: list[Maps] = []
    for column in columns:
        maps.append(column.features(x, maps)[1])
    return maps


class ColumnLearner(LayerLearner):
    """A new column beside the older ones, which stay as they are."""

    def __init__(self, start: LayerStart) -> None:
        super().__init__(start)
        self.columns = columns_before(self.model, self.card.position, self.device)
        for shape in shapes_of(self.card):
            self.take(start_own_layer(self.card, shape, self.start_generator))
            if shape.index and self.columns:
                shrink = self.options["columns"]["shrink"]
                side = start_side(shape, len(self.columns), shrink, self.start_generator)
                self.take(start_layer(f"{self.card.own}side.{shape.index}", side))
        self.take(start_head(self.card, self.card.own, self.start_generator))
        self.train(lambda name: True)
        self.column = Column.of(self.tensors, self.card, self.card.stack.depth)

    def features(self, x: Tensor) -> Tensor:
        """What enters the classes: (batch, flat). Older columns are not trained."""
        with torch.no_grad():
            older = maps_of(self.columns, x)
        return self.column.features(x, older)[0]

    def logits(self, x: Tensor) -> Tensor:
        return head(self.features(x), head_of(self.tensors, self.card))

    def objective(self, x: Tensor, y: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        seen = dropout(self.features(x), self.options["dropout"], generator)
        logits = head(seen, head_of(self.tensors, self.card))
        return functional.cross_entropy(logits, y), logits

    def commit(self, pattern: str) -> tuple[LayerCard, Tensors]:
        return replace(self.card, pattern=pattern), dict(self.tensors)


def columns_before(model: LayerModel, position: int, device: str) -> list[Column]:
    """The columns of the tasks before a position, which counts from 1.

    Nobody looks at their last layers.
    """
    cards = model.cards[: position - 1]
    return [
        Column.of(on_device(model.tensors, card.own, device), card, card.stack.depth - 1)
        for card in cards
    ]


def column_view(model: LayerModel, position: int, device: str) -> TaskView:
    """A learned task's network, which needs the columns of all tasks before it."""
    *before, card = model.cards[:position]
    tensors = on_device(model.tensors, card.own, device)
    for one in before:
        theirs = on_device(model.tensors, one.own, device).items()
        tensors |= {name: tensor for name, tensor in theirs if ".head." not in name}

    def compute(x: Tensor) -> Tensor:
        older = [Column.of(tensors, one, one.stack.depth - 1) for one in before]
        column = Column.of(tensors, card, card.stack.depth)
        return head(column.features(x, maps_of(older, x))[0], head_of(tensors, card))

    return TaskView(compute).keeping(tensors)


PROGRESSIVE = LayerMethod(ColumnLearner, column_view)
