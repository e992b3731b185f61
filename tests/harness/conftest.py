"""All methods, run once through the toy experiment."""

from pathlib import Path

import pytest
from toy_experiment import run_toy

from lifelong.methods import METHODS


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory) -> Path:
    """Results of all methods, never interrupted."""
    return run_toy(tmp_path_factory.mktemp("undisturbed"), list(METHODS))
