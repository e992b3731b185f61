"""Fast tests first, default signals, and a word on real images that some tests use if present."""

import os
import signal
import sys
from pathlib import Path

import pytest
from hypothesis import settings

# In this order, after all others; the rooms of the longest files come first, so that no process is
# left with one of them at the end.
FIRST = ("test_networks", "test_killed_layers_1")  # the other makes what later files wait for
SLOW = ("harness", "workflow", "bad_input", "stages", "benchmarks", "golden", "slurm")

settings.register_profile("lifelong", deadline=None)  # machines may be busy
settings.load_profile("lifelong")

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as in a script's background job
    signal.signal(signal.SIGINT, signal.default_int_handler)  # so what tests start has the default


def pytest_report_header() -> str:
    folder = os.environ.get("LIFELONG_DATA")
    if folder:
        return f"real images: LIFELONG_DATA={folder}"
    return "real images: LIFELONG_DATA is not set, so tests on CIFAR-100's photographs are skipped"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    def place(item: pytest.Item) -> tuple[int, bool]:
        room, name = item.path.parent.name, item.path.stem
        return SLOW.index(room) + 1 if room in SLOW else 0, name not in FIRST

    items.sort(key=place)


@pytest.fixture(autouse=True)
def whole_floats() -> None:
    """Stages let tiny numbers be zero; what a test draws may be one."""
    if "torch" in sys.modules:
        sys.modules["torch"].set_flush_denormal(False)


@pytest.fixture(scope="session")
def cifar100_folders() -> Path:
    """The folder tree of CIFAR-100, if LIFELONG_DATA names a folder that holds it."""
    folder = Path(os.environ.get("LIFELONG_DATA", "")) / "cifar100_org"
    if not os.environ.get("LIFELONG_DATA") or not folder.is_dir():
        pytest.skip("LIFELONG_DATA does not name a folder that holds cifar100_org")
    return folder
