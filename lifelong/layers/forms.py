"""What it means to share a layer: how a task's filter comes from tensors it shares and its own.

Names within a layer's tensors are the forms' own; the caller adds whose and which layer's.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor

from lifelong.nets.conv_stack import Filter, start_plain


@dataclass(frozen=True)
class LayerShape:
    """One convolution: layer 0 is nearest to the image; `network` is the one it is of."""

    index: int
    kernel: int
    inputs: int
    outputs: int
    network: str = ""

    @property
    def filter(self) -> tuple[int, int, int, int]:
        return (self.outputs, self.inputs, self.kernel, self.kernel)


class Form(Protocol):
    """A way to share layers."""

    def start_shared(
        self, shape: LayerShape, generator: torch.Generator, options: Mapping[str, Any]
    ) -> dict[str, Tensor]:
        """Fresh tensors that all tasks share in a layer."""
        ...

    def start_own(
        self, shape: LayerShape, generator: torch.Generator, options: Mapping[str, Any]
    ) -> dict[str, Tensor]:
        """Fresh tensors with which one task makes the shared ones fit; may be none."""
        ...

    def filter(self, shared: Mapping[str, Tensor], own: Mapping[str, Tensor]) -> Filter:
        """The task's filter."""
        ...

    def penalty(
        self, shared: Mapping[str, Tensor], own: Mapping[str, Tensor], options: Mapping[str, Any]
    ) -> Tensor | None:
        """What a shared layer's tensors add to the task's loss, or None."""
        ...

    def from_filter(
        self,
        shape: LayerShape,
        given: Filter,
        generator: torch.Generator,
        options: Mapping[str, Any],
    ) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """Shared tensors, and a task's own, that make a layer of its own a shared one."""
        ...


class HardSharing:
    """All tasks have the same filter (hard parameter sharing; Caruana 1997)."""

    def start_shared(
        self, shape: LayerShape, generator: torch.Generator, options: Mapping[str, Any]
    ) -> dict[str, Tensor]:
        weight, bias = start_plain(shape.filter, generator)
        return {"weight": weight, "bias": bias}

    def start_own(
        self, shape: LayerShape, generator: torch.Generator, options: Mapping[str, Any]
    ) -> dict[str, Tensor]:
        return {}

    def filter(self, shared: Mapping[str, Tensor], own: Mapping[str, Tensor]) -> Filter:
        return shared["weight"], shared["bias"]

    def penalty(
        self, shared: Mapping[str, Tensor], own: Mapping[str, Tensor], options: Mapping[str, Any]
    ) -> Tensor | None:
        return None

    def from_filter(
        self,
        shape: LayerShape,
        given: Filter,
        generator: torch.Generator,
        options: Mapping[str, Any],
    ) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        weight, bias = given
        return {"weight": weight, "bias": bias}, {}


HARD = HardSharing()
