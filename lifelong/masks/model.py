"""The model: the ordered list of its tasks, assembled layer by layer.

`weights` and `owners` are at the width of the newest task. Adding a task writes only free entries,
so that the view of an older task stays the same, bit for bit.
"""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from lifelong.masks.ground import GROUND, PRETRAINED, ground_of, owners_of
from lifelong.masks.layers import load_dense, shareable
from lifelong.masks.layout import packed
from lifelong.masks.places import EVERY
from lifelong.masks.shard import Arrays, Part, Shard
from lifelong.nets import Growth, TaskNetwork, build, growth_of, placed
from lifelong.plan.card import Card
from lifelong.plan.errors import Misfit, UserError
from lifelong.plan.methods import MOST_TASKS


class Model:
    """All tasks learned so far.

    `base` are the pretrained weights that they stand on, if they do: task 0.
    """

    def __init__(self, base: Part | None = None) -> None:
        self.base = base
        self.shards: list[Part] = []  # without their weights, which lie in `weights`
        self.weights: dict[str, np.ndarray] = {}  # float32, shape of the layer
        self.owners: dict[str, np.ndarray] = {}  # uint8: 0 free, k owned by task k, or GROUND
        self.grown = 1.0  # the width of `weights`

    @property
    def width(self) -> float:
        """The width of the newest task; 1.0 where there is none."""
        return self.shards[-1].card.width if self.shards else 1.0

    @property
    def newest(self) -> Part | None:
        """What the next task goes on from: the newest task, or the pretrained weights."""
        return self.shards[-1] if self.shards else self.base

    def dense_of(self, part: Part) -> Arrays:
        """The own tensors of a task, with those that are the ground's still."""
        return part.dense if self.base is None else {**self.base.dense, **part.dense}

    def add(self, task: Shard | Part) -> None:
        """Append a task. A separate network shares nothing and is only kept beside the others.

        Raises Misfit where weights of the task lie where an older one's are, and UserError
        where there are too many tasks.
        """
        part = self.part(task) if isinstance(task, Shard) else task
        if not part.card.alone:
            if len(self.shards) == MOST_TASKS:
                raise UserError(
                    f"more than {MOST_TASKS} tasks in one model: an owner is one byte; "
                    "shorten tasks, or make two experiments of them"
                )
            part = self._place(part, len(self.shards) + 1).placed()
        self.shards.append(part)

    def part(self, shard: Shard) -> Part:
        """A task that was worked on, with the places its weights have in this model."""
        alone = shard.card.alone
        if not alone:
            self.widen(shard.shapes, shard.card)
        places = {}
        for name, owned in shard.owned.items():
            if owned.size == np.prod(shard.shapes[name]):  # no older task owns any of it
                free = np.flatnonzero(owned)
            else:
                free = np.flatnonzero(self.owners[name].reshape(-1) == 0)[owned]
            everywhere = free.size == np.prod(shard.shapes[name])
            places[name] = EVERY if everywhere else free.astype(np.int32)
        picks = shard.picks or {}
        return Part(
            card=shard.card,
            shapes=shard.shapes,
            values=shard.values,
            places=places,
            picks=None if shard.picks is None else packed(picks),
            before=None if shard.picks is None else self.before(picks),
            older={name: int(picks[name].size) if picks else 0 for name in shard.shapes},
            dense=self._changed(shard.dense),
            centres=shard.centres,
        )

    def before(self, layers: Iterable[str]) -> np.ndarray | None:
        """What the newest task uses of the owned entries of layers, as bits; None if unknown."""
        bits = {}
        for name in layers:
            used = self.used(name)
            if used is None:
                return None
            bits[name] = used[self.owners[name] > 0]
        return packed(bits)

    def used(self, name: str) -> np.ndarray | None:
        """Which entries of a layer the newest task uses, bool; None where its picks were not read.

        Without a task that shares the layer, all that is owned.
        """
        owners = self.owners[name]
        position, newest = self._newest_that_shares()
        if newest is None or name not in newest.shapes:
            return owners > 0
        if newest.picks is None and any(newest.older.values()):
            return None
        block = self.growth(newest.card).block(name, newest.shapes[name])
        mine = owners[block] > 0
        picked = newest.picked(name)
        if picked is not None:
            mine[mine & (owners[block] != position)] = picked
        used = np.zeros(owners.shape, bool)
        used[block] = mine
        return used

    def _newest_that_shares(self) -> tuple[int, Part | None]:
        """The newest task with a place among the others, as owner; 0 and None without one."""
        for position in range(len(self.shards), 0, -1):
            if not self.shards[position - 1].card.alone:
                return position, self.shards[position - 1]
        return 0, None

    def _with_picks(self, part: Part) -> Part:
        """The part with its picks themselves where it has their differences."""
        if part.picks is None:
            return part
        owned = {name: int((self.owners[name] > 0).sum()) for name in part.older}
        before = self.before(part.older) if part.flips else None
        if part.older != owned or (part.flips and before is None):
            raise Misfit("picks weights of other tasks than those before it")
        return part if before is None else replace(part, picks=part.picks ^ before, flips=False)

    def _changed(self, own: Arrays) -> Arrays:
        """The own tensors of a task but those that are the ground's, which nobody writes again."""
        ground = {} if self.base is None else self.base.dense
        return {k: v for k, v in own.items() if k not in ground or not np.array_equal(v, ground[k])}

    def _place(self, part: Part, owner: int) -> Part:
        """Put its weights where they belong; returns the part with its picks."""
        self.widen(part.shapes, part.card)
        for name, places in part.places.items():
            if self.owners[name].reshape(-1)[places].any():
                raise Misfit("has weights where an older task's are: it belongs to another run")
        part = self._with_picks(part)
        for name, places in part.places.items():
            self.weights[name].reshape(-1)[places] = part.values[name]
            self.owners[name].reshape(-1)[places] = owner
        return part

    def growth(self, card: Card) -> Growth:
        """Where the channels of a task lie in `weights`."""
        return growth_of(card.network, card.channels, card.width, self.grown)

    def widen(self, shapes: dict[str, tuple[int, ...]], card: Card) -> None:
        """Move all layers to their block of those of a new task; new entries are free and zero."""
        if self.base is not None and card.ground is not None and not self.weights:
            self._stand(self.base, card.ground["released"])
        grown = growth_of(card.network, card.channels, self.grown, card.width)
        self.grown = card.width
        for name, shape in shapes.items():
            if name in self.weights and self.weights[name].shape == shape:
                continue
            weights, owners = np.zeros(shape, np.float32), np.zeros(shape, np.uint8)
            if card.ground is not None and card.ground["kind"] != PRETRAINED:
                weights, owners[...] = ground_of(card.ground, name, shape), GROUND
            if name in self.weights:
                block = grown.block(name, self.weights[name].shape)
                weights[block], owners[block] = self.weights[name], self.owners[name]
            self.weights[name], self.owners[name] = weights, owners

    def _stand(self, base: Part, released: float) -> None:
        """Begin with the pretrained weights; those that are free keep their values for a start."""
        for name, shape in base.shapes.items():
            self.weights[name] = base.values[name].reshape(shape).copy()
            self.owners[name] = owners_of(self.weights[name], released)

    def bare(self, position: int) -> bool:
        """Whether a task has nothing but a head, on pretrained weights as they are."""
        part = self.shards[position - 1]
        own = [*part.dense.items(), *part.values.items()]
        heads = all(name.startswith("head.") for name, values in own if values.size)
        return self.base is not None and part.card.alone and part.card.ground is not None and heads

    def view(self, position: int, device: str = "cpu") -> TaskNetwork:
        """Task `position` (from 1) alone, at its own width: what it was when it was learned."""
        part = self.shards[position - 1]
        source, upto = self, position
        if part.card.alone:
            source, upto = Model(self.base), 1
            source._place(part, upto)
        network = empty_network(part.card, part.card.width)
        grown = source.growth(part.card)
        for name, layer in shareable(network).items():
            block = grown.block(name, layer.weight.shape)
            owners = source.owners[name][block]
            age = owners - np.uint8(1)  # 255: free
            older = (age < upto - 1) | (owners == GROUND)
            kept = older | (age < upto)
            picked = part.picked(name)
            if picked is not None:
                kept[older] = picked
            weights = np.where(kept, source.weights[name][block], np.float32(0))
            with torch.no_grad():
                layer.weight.copy_(torch.from_numpy(weights))
        load_dense(network, tensors(self.dense_of(part)), head=True)
        return placed(network, device).eval()


def empty_network(card: Card, width: float) -> TaskNetwork:
    """The network of a task with arbitrary weights: a random start would cost most of the time."""
    with _NoStart():
        return fresh_network(replace(card, width=width), seed=0)


def fresh_network(card: Card, seed: int) -> TaskNetwork:
    """The network of a task as `seed` starts it."""
    return build(card.architecture(), seed)


class _NoStart(TorchFunctionMode):
    """Skips random starts. (The meta device would too, but importing it takes a second.)"""

    def __torch_function__(
        self, function: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        name = getattr(function, "__name__", "")
        if name.endswith(("normal_", "uniform_")):
            return args[0] if args else kwargs["tensor"]
        return function(*args, **(kwargs or {}))


def tensors(arrays: dict[str, np.ndarray]) -> dict[str, Tensor]:
    """The arrays as tensors that share their memory."""
    return {name: torch.from_numpy(array) for name, array in arrays.items()}
