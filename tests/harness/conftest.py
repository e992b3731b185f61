"""All methods, run once per session through the toy experiment of their family."""

import fcntl
import os
from pathlib import Path

import pytest
from known_methods import LAYER_METHODS, NETWORK_METHODS
from toy_experiment import run_toy


def made_once(tmp_path_factory: pytest.TempPathFactory, name: str, methods: list[str]) -> Path:
    """Results that the first of several processes makes; the others wait for it."""
    base = tmp_path_factory.getbasetemp()
    base = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    with (base / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = base / name / "done"
        if not done.exists():
            done.parent.mkdir()
            done.write_text(str(run_toy(done.parent, methods)))
        return Path(done.read_text())


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory) -> Path:
    """Results of separate networks and all methods of the mask family, never interrupted."""
    return made_once(tmp_path_factory, "undisturbed", NETWORK_METHODS)


@pytest.fixture(scope="session")
def undisturbed_layers(tmp_path_factory) -> Path:
    """Results of all methods of the layer family, never interrupted."""
    return made_once(tmp_path_factory, "undisturbed_layers", LAYER_METHODS)
