"""Methods that share layers, killed twice, part 2 of 3: the bytes of an undisturbed run."""

import every_method
import pytest
from known_methods import LAYER_METHODS


@pytest.mark.parametrize("method", LAYER_METHODS[1::3])
def test_killed_twice_and_run_again_gives_the_same_bytes(undisturbed_layers, method, tmp_path):
    every_method.survives_two_kills(undisturbed_layers, method, tmp_path)
