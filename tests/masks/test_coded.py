"""Masks take the bytes that their entropy asks for, and come back bit by bit."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lifelong.masks.coded import coded, decoded
from lifelong.plan.errors import Misfit


def bits(density: float, count: int = 400_000) -> np.ndarray:
    return np.packbits(np.random.RandomState(0).rand(count) < density)


@pytest.mark.parametrize(
    ("density", "above"), [(0.5, 0.0), (0.3, 0.02), (0.1, 0.03), (0.9, 0.03), (0.03, 0.2)]
)
def test_the_code_is_near_the_entropy(density, above):
    raw = bits(density)
    code = coded(raw)
    entropy = -sum(p * math.log2(p) for p in (density, 1 - density))
    assert entropy * 0.99 <= code.size / raw.size <= min(1, entropy * (1 + above)) + 1e-4
    if code is not raw:
        assert np.array_equal(decoded(code, raw.size), raw)


def test_what_is_all_alike_is_next_to_nothing():
    assert coded(bits(1.0)).size < 200


@given(st.binary(max_size=300))
def test_anything_comes_back(raw):
    given = np.frombuffer(raw, np.uint8)
    code = coded(given)
    assert code.size <= given.size
    if code.size < given.size:
        assert np.array_equal(decoded(code, given.size), given)


def test_a_damaged_code_is_refused():
    raw = bits(0.1)
    code = coded(raw)
    with pytest.raises(Misfit, match="masks"):
        decoded(code[: code.size // 2], raw.size)
    with pytest.raises(Misfit, match="masks"):
        decoded(code, raw.size + 5)
