"""TF: a shared layer is a core that all tasks have, turned by a task's factors, one per dimension.

Like a Tucker decomposition with a core of full size (Yang & Hospedales, ICLR 2017; Bulat et al.,
AAAI 2020), but learned task after task as a baseline of LASEM (ICML 2021).
"""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from lifelong.layers.forms import LayerShape
from lifelong.nets.conv_stack import Filter, fans, start_glorot

FACTORS = ("rows", "columns", "inputs", "outputs")


class TensorFactors:
    """Shared: `core` (out, in, k, k). A task's: `rows` and `columns` (k, k), `inputs` (in, in),
    `outputs` (out, out), each (core, filter), and `bias` (out,).
    """

    def start_shared(
        self, shape: LayerShape, generator: torch.Generator, options: Mapping[str, Any]
    ) -> dict[str, Tensor]:
        dims = (shape.kernel, shape.kernel, shape.inputs, shape.outputs)
        return {"core": start_glorot(shape.filter, *fans(dims), generator)}

    def start_own(
        self, shape: LayerShape, generator: torch.Generator, options: Mapping[str, Any]
    ) -> dict[str, Tensor]:
        factors = {}
        for name, size in zip(FACTORS, _sizes(shape), strict=True):
            factors[name] = start_glorot((size, size), size, size, generator)
        bias = start_glorot((shape.outputs,), *fans((shape.outputs,)), generator)
        return factors | {"bias": bias}

    def filter(self, shared: Mapping[str, Tensor], own: Mapping[str, Tensor]) -> Filter:
        """W[O, I, A, B] = sum over o, i, a, b of core[o, i, a, b] and the factors' [o, O] ..."""
        core = shared["core"]
        outputs, inputs, kernel, _ = core.shape
        places = torch.kron(own["rows"], own["columns"])
        weight = core.reshape(outputs * inputs, kernel * kernel) @ places
        weight = own["outputs"].T @ weight.view(outputs, inputs * kernel * kernel)
        # Matrices only: what torch makes of a matrix times a stack depends on who needs gradients,
        # and on some processors its last bits do too.
        weight = weight.view(outputs, inputs, kernel * kernel).transpose(1, 2)
        weight = weight.reshape(-1, inputs) @ own["inputs"]
        weight = weight.view(outputs, kernel * kernel, inputs).transpose(1, 2)
        return weight.contiguous().view(core.shape), own["bias"]

    def penalty(
        self, shared: Mapping[str, Tensor], own: Mapping[str, Tensor], options: Mapping[str, Any]
    ) -> Tensor | None:
        """`orthogonality` times the sum of ||U^T U - I|| (Frobenius, not squared)."""
        weight = options["tf"]["orthogonality"]
        if not weight:
            return None
        return weight * torch.stack([_skew(own[name]) for name in FACTORS]).sum()

    def from_filter(
        self,
        shape: LayerShape,
        given: Filter,
        generator: torch.Generator,
        options: Mapping[str, Any],
    ) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """The filter becomes the core, the task's factors are identities."""
        weight, bias = given
        sizes = zip(FACTORS, _sizes(shape), strict=True)
        return {"core": weight}, {name: torch.eye(size) for name, size in sizes} | {"bias": bias}


def _sizes(shape: LayerShape) -> tuple[int, int, int, int]:
    return shape.kernel, shape.kernel, shape.inputs, shape.outputs


def _skew(factor: Tensor) -> Tensor:
    identity = torch.eye(len(factor), device=factor.device)
    return torch.linalg.vector_norm(factor.T @ factor - identity)


TENSOR_FACTORS = TensorFactors()
