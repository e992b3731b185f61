"""Fast tests first, and a word on the real images that some tests use if they are there."""

import os
import sys
from pathlib import Path

import pytest

# In this order, after all others.
SLOW = ("bad_input", "stages", "benchmarks", "harness", "workflow", "slurm")


def pytest_report_header() -> str:
    folder = os.environ.get("LIFELONG_DATA")
    if folder:
        return f"real images: LIFELONG_DATA={folder}"
    return "real images: LIFELONG_DATA is not set, so tests on CIFAR-100's photographs are skipped"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    def place(item: pytest.Item) -> int:
        room = item.path.parent.name
        return SLOW.index(room) + 1 if room in SLOW else 0

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
