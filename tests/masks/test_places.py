"""Places come back as they were, in as few bytes as said."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lifelong.masks.places import EVERY, decode, encode, fit, mask_of
from lifelong.plan.errors import Misfit


def places(*found: int) -> np.ndarray:
    return np.array(found, np.int32)


@given(st.sets(st.integers(0, 1999)), st.integers(2000, 3000))
def test_places_come_back(found, size):
    expected = places(*sorted(found))
    form, code = encode(expected, size)
    assert code.dtype == np.uint8 and code.size <= (size + 7) // 8
    assert np.array_equal(decode(form, code, size), expected)
    assert fit(decode(form, code, size), size, len(found))


@pytest.mark.parametrize(
    ("found", "code"),
    [
        ((0, 1, 5), [0, 0, 3]),
        ((254,), [254]),
        ((255,), [255, 0]),  # a gap of 255 is one long step and nothing more
        ((3, 600), [3, 255, 255, 86]),  # 4 + 255 + 255 + 86 = 600
    ],
)
def test_gaps_by_hand(found, code):
    form, coded = encode(places(*found), 10_000)
    assert form == "gaps" and coded.tolist() == code
    assert decode(form, coded, 10_000).tolist() == list(found)


def test_a_byte_a_weight_or_a_bit_an_entry_whichever_is_less():
    assert encode(places(0, 2), 24)[0] == "gaps"  # 2 bytes, not 3
    form, code = encode(places(0, 2, 9), 24)  # 3 bytes either way
    assert form == "bits" and code.tolist() == [0b10100000, 0b01000000, 0]


def test_all_entries_and_none_need_no_byte():
    for found, size in ((np.arange(9), 9), (EVERY, 9), (places(), 9), (places(), 0)):
        form, code = encode(found, size)
        assert code.size == 0
        expected = mask_of(found, size)
        assert np.array_equal(mask_of(decode(form, code, size), size), expected)


def test_places_that_do_not_fit_are_told():
    assert not fit(places(1, 9), 9, 2) and not fit(places(1), 9, 2) and not fit(EVERY, 9, 8)
    with pytest.raises(Misfit, match="unknown form"):
        decode("runs", np.empty(0, np.uint8), 9)
