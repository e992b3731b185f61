"""Separate networks and masks, killed twice: the bytes are those of an undisturbed run."""

import every_method
import pytest
from known_methods import NETWORK_METHODS


@pytest.mark.parametrize("method", NETWORK_METHODS)
def test_killed_twice_and_run_again_gives_the_same_bytes(undisturbed, method, tmp_path):
    every_method.survives_two_kills(undisturbed, method, tmp_path)
