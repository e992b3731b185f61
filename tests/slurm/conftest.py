"""A cluster of our own, where SLURM is installed."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from slurm.cluster import Cluster, missing

SLOW = "takes minutes: run `make test-slurm`"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    absent = missing()
    reason = f"SLURM is not installed ({', '.join(absent)}): run `make test-slurm`"
    for item in items:
        if Path(__file__).parent not in item.path.parents:
            continue
        if absent:
            item.add_marker(pytest.mark.skip(reason=reason))
        elif item.get_closest_marker("slurm") and config.option.markexpr != "slurm":
            item.add_marker(pytest.mark.skip(reason=SLOW))


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    with Cluster() as started:
        yield started
