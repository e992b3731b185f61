"""Where a task's weights lie in a layer, in few bytes.

The places are ascending positions below `size`. Their code is empty where the task owns every
entry. Otherwise it is the gaps between them (one byte per weight, so that many tasks need no more
room than few), or one bit per entry where that is shorter.
"""

from typing import Any

import numpy as np

from lifelong.plan.errors import Misfit

Places = np.ndarray | slice  # int32 (owned,), or slice(None) for every entry
EVERY = slice(None)
_LONG = 255  # in the code: go on by 255 and there is no weight yet


def encode(places: Places, size: int) -> tuple[str, np.ndarray]:
    """The form, "all", "gaps" or "bits", and the code as uint8."""
    if isinstance(places, slice) or places.size == size:
        return "all", np.empty(0, np.uint8)
    gaps = _to_gaps(places)
    if gaps.size < (size + 7) // 8:
        return "gaps", gaps
    mask = np.zeros(size, bool)
    mask[places] = True
    return "bits", np.packbits(mask)


def decode(form: str, code: np.ndarray, size: int) -> Places:
    """The places that `encode` was given. Raises Misfit for an unknown form."""
    if form == "all":
        return EVERY
    if form == "gaps":
        return _from_gaps(code)
    if form == "bits":
        return np.flatnonzero(np.unpackbits(code, count=size)).astype(np.int32)
    raise Misfit(f"has places in an unknown form {form!r}: it is of another version")


def mask_of(places: Places, size: int) -> np.ndarray:
    """The places as a mask, bool (size,)."""
    mask = np.zeros(size, bool)
    mask[places] = True
    return mask


def fit(places: Places, size: int, count: int) -> bool:
    """Whether these are `count` places below `size`."""
    if isinstance(places, slice):
        return count == size
    return places.size == count and (count == 0 or int(places[-1]) < size)


def code_parts(codes: np.ndarray, lengths: list[int]) -> list[np.ndarray]:
    """The codes of several layers, cut apart."""
    ends: Any = np.cumsum(lengths)[:-1]
    return list(np.split(codes, ends))


def _to_gaps(places: np.ndarray) -> np.ndarray:
    steps = np.diff(places, prepend=-1) - 1
    longer = steps // _LONG
    gaps = np.full(places.size + int(longer.sum()), _LONG, np.uint8)
    gaps[np.cumsum(longer + 1) - 1] = steps % _LONG
    return gaps


def _from_gaps(gaps: np.ndarray) -> np.ndarray:
    here = gaps != _LONG
    steps = gaps.astype(np.int32)
    steps += here
    places = np.cumsum(steps, out=steps)
    places -= 1
    return places if here.all() else places[here]
