"""Tensors of which most elements are zero: the others, and a bit an element that says where.

Smaller than the tensor itself while a thirtieth is zero, and than numbered elements while more than
a thirtieth is not.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor


def packed(tensor: Tensor) -> dict[str, Tensor]:
    """`values`: what is not zero, in order; `bits`: one an element, eight a byte."""
    flat = tensor.detach().cpu().flatten()
    bits = np.packbits((flat != 0).numpy())
    return {"values": flat[flat != 0], "bits": torch.from_numpy(bits)}


def unpacked(tensors: Mapping[str, Tensor], shape: Sequence[int]) -> Tensor:
    """The tensor of that shape, on the CPU."""
    flat = torch.zeros(int(np.prod(shape)))
    bits = np.unpackbits(tensors["bits"].numpy(), count=len(flat))
    flat[torch.from_numpy(bits).bool()] = tensors["values"]
    return flat.reshape(tuple(shape))
