"""Layer methods measure the test split while they learn, and learn nothing from it: part 1 of 2."""

import every_method
import pytest
from known_methods import LAYER_METHODS


@pytest.mark.parametrize("method", LAYER_METHODS[0::2])
def test_no_weight_depends_on_the_test_split(undisturbed_layers, method, tmp_path):
    every_method.has_weights_that_no_test_image_changes(undisturbed_layers, method, tmp_path)
