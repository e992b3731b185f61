"""All methods, run once per session through the toy experiment of their family."""

from functools import partial
from pathlib import Path

import pytest
from known_methods import LAYER_METHODS, NETWORK_METHODS
from made_once import made_once
from toy_experiment import run_whole_toy


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory) -> Path:
    """Results of separate networks and all methods of the mask family, never interrupted."""
    run = partial(run_whole_toy, methods=NETWORK_METHODS)
    return made_once(tmp_path_factory, "undisturbed", run)


@pytest.fixture(scope="session")
def undisturbed_layers(tmp_path_factory) -> Path:
    """Results of all methods of the layer family, never interrupted."""
    run = partial(run_whole_toy, methods=LAYER_METHODS)
    return made_once(tmp_path_factory, "undisturbed_layers", run)
