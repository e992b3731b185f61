"""All methods, run once through the toy experiment of their family."""

from pathlib import Path

import pytest
from toy_experiment import run_toy

from lifelong.methods import LAYER_METHODS, METHODS


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory) -> Path:
    """Results of all methods of the mask family, never interrupted."""
    return run_toy(tmp_path_factory.mktemp("undisturbed"), list(METHODS))


@pytest.fixture(scope="session")
def undisturbed_layers(tmp_path_factory) -> Path:
    """Results of all methods of the layer family, never interrupted."""
    return run_toy(tmp_path_factory.mktemp("undisturbed_layers"), list(LAYER_METHODS))


@pytest.fixture
def method() -> str:
    """Which method; tests name them."""
    raise NotImplementedError


@pytest.fixture
def finished(method, request) -> Path:
    """The results that hold the method of a test."""
    family = "undisturbed_layers" if method in LAYER_METHODS else "undisturbed"
    return request.getfixturevalue(family)
