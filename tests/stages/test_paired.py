"""What a comparison of methods rests on: the same numbers where methods do the same."""

import numpy as np
import pytest
from toy_experiment import run_toy

from lifelong.store import read_arrays

ENDS = {"finetune": "baseline", "cpg": "retrain", "lasem_hps": "retrain"}


@pytest.mark.parametrize("method", ENDS)
def test_a_variant_that_changes_nothing_has_the_same_bits(tmp_path, method):
    results = run_toy(tmp_path, [method, "again"], variants={"again": {"method": method}})
    files = sorted((results / method / "s0").glob(f"*-*/{ENDS[method]}/*.h5"))
    assert len(files) >= 3
    for path in files:
        other = results / "again" / path.relative_to(results / method)
        ours, theirs = (read_arrays(file)[0] for file in (path, other))
        assert ours.keys() == theirs.keys() and ours
        assert all(np.array_equal(ours[name], theirs[name]) for name in ours), path
