"""A number changes only with a revision: what every method gives is held by golden numbers."""

import json
import sys
from pathlib import Path

import pytest
from known_methods import JOINT_METHODS, LAYER_METHODS, NETWORK_METHODS, PRETRAINED_METHODS

sys.path.insert(0, str(Path(__file__).parent))

import fingerprints as golden

_CLOSE = 5e-6  # other kernels: 4e-7 at most; a rate 2 % larger: 2e-5 at least
WRITTEN = json.loads(golden.GOLDEN.read_text())


@pytest.fixture(scope="module")
def numbers(tmp_path_factory):
    return golden.all_fingerprints(tmp_path_factory.mktemp("golden"))


def test_every_method_has_a_fingerprint():
    assert list(WRITTEN) == [*NETWORK_METHODS, *LAYER_METHODS, *JOINT_METHODS, *PRETRAINED_METHODS]


@pytest.mark.parametrize("method", WRITTEN)
def test_a_method_gives_what_it_gave_at_its_revision(numbers, method):
    known = WRITTEN[method]
    now = golden.revision(method)
    wrong = {
        name: (known["arrays"].get(name), array)
        for name, array in numbers[method].items()
        if not close(known["arrays"].get(name), array)
    }
    if known["revision"] == now:
        assert not wrong and set(known["arrays"]) == set(numbers[method]), (
            f"{method} gives other numbers than at revision {now}: if that is meant, raise its "
            "revision in plan/methods.py, or that of the stage in plan/revisions.py, and run "
            f"python tests/golden/fingerprints.py. {wrong}"
        )
    assert known["revision"] == now, (
        f"{method} has the revision {now}, its fingerprint {known['revision']}: "
        "run python tests/golden/fingerprints.py"
    )


def close(known: list[float] | None, now: list[float]) -> bool:
    """Equal sizes, means within a small part of the mean size."""
    if known is None or known[0] != now[0]:
        return False
    scale = max(abs(known[2]), 1e-6)
    return all(abs(a - b) <= _CLOSE * scale for a, b in zip(known[1:], now[1:], strict=True))
