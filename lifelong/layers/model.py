"""A model of the layer family: its tasks in order, and the newest value of every tensor."""

from collections.abc import Callable, Mapping
from keyword import iskeyword

import torch
from torch import Tensor, nn

from lifelong.layers.part import LayerCard, LayerPart

Tensors = dict[str, Tensor]
Forward = Callable[[Tensor], Tensor]


class LayerModel:
    """All tasks learned so far; `tensors` are on the CPU, and what a later task wrote counts.

    `view_of` makes a task's network from a model, a position from 1 and a device.
    """

    def __init__(self, view_of: "Callable[[LayerModel, int, str], TaskView]") -> None:
        self.shards: list[LayerPart] = []  # without their tensors, which lie in `tensors`
        self.tensors: Tensors = {}
        self._view_of = view_of

    def bare(self, position: int) -> bool:
        """Whether a task has nothing but a head on pretrained weights: never here."""
        return False

    def view(self, position: int, device: str = "cpu") -> "TaskView":
        """A task's network as the model is now; `position` counts from 1."""
        return self._view_of(self, position, device)

    def add(self, part: LayerPart) -> None:
        """Append a task."""
        self.tensors |= {name: torch.from_numpy(array) for name, array in part.tensors.items()}
        self.shards.append(LayerPart(part.card, {}))

    @property
    def cards(self) -> list[LayerCard]:
        return [part.card for part in self.shards]


class TaskView(nn.Module):
    """A task's network as something to call: (batch, channels, side, side) to (batch, classes).

    `tensors` is what `compute` reads, so that it may change while somebody looks on.
    """

    form = torch.channels_last  # a fifth faster on CPUs for these few channels

    def __init__(self, compute: Forward) -> None:
        super().__init__()
        self._compute = compute
        self._shows: Callable[..., None] = Tensors().update
        self._names: dict[str, str] = {}  # of the state, to those that `compute` knows

    def keeping(self, tensors: Tensors) -> "TaskView":
        """The same view, with all that `compute` reads, by whole names, as its own state.

        For finished tasks: the state is saved, loaded and moved as that of any module. A part of a
        name that is a word of Python gets a `_`: torch writes programs with these names.
        """
        self._shows = tensors.update  # the dict itself as an attribute torch.export would replace
        for name, tensor in tensors.items():
            *folders, last = [f"{part}_" if iskeyword(part) else part for part in name.split(".")]
            self._names[".".join((*folders, last))] = name
            place: nn.Module = self
            for folder in folders:
                if folder not in place._modules:
                    place.add_module(folder, nn.Module())
                place = place.get_submodule(folder)
            place.register_buffer(last, tensor.clone())
        return self.eval()

    def forward(self, x: Tensor) -> Tensor:
        # The buffers may have moved, or be stand-ins to be traced.
        self._shows((self._names[name], buffer) for name, buffer in self.named_buffers())
        return self._compute(x)


def part_of(tensors: Mapping[str, Tensor], prefix: str) -> Tensors:
    """The tensors whose names begin with a prefix, under their whole names."""
    return {name: tensor for name, tensor in tensors.items() if name.startswith(prefix)}
