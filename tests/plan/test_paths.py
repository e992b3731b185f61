"""Paths under results/, there and back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lifelong.plan.paths import Paths, Place, dataset_of, place_of, slug

NAMES = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,12}", fullmatch=True)
PATHS = Paths("digits")


def test_every_path_has_its_place():
    assert slug(2, "two_three") == "02-two_three" and slug(123, "x") == "123-x"
    assert PATHS.base == "results/digits"
    assert PATHS.pack("scans") == "results/digits/pack_data/scans/pack.h5"
    assert PATHS.model("cpg", 3) == "results/digits/cpg/s3"
    assert PATHS.stage("prune", "cpg", 0, "02-b") == "results/digits/cpg/s0/02-b/prune"
    assert PATHS.stage("expand", "cpg", 0, "02-b", 2) == "results/digits/cpg/s0/02-b/expand/a2"
    assert PATHS.tables("summary") == "results/digits/tables/summary.csv"
    assert PATHS.report("index.html") == "results/digits/report/index.html"
    assert Paths("digits", "/elsewhere").base == "/elsewhere/digits"


@given(NAMES, NAMES, st.integers(0, 99), st.integers(1, 254), st.integers(1, 40))
def test_a_stages_path_parses_to_what_made_it(experiment, task, seed, position, attempt):
    paths = Paths(experiment, "some/results")
    for kind in ("train", "expand"):
        folder = paths.stage(kind, "cpg", seed, slug(position, task), attempt)
        place = place_of(f"{folder}/manifest.json")
        given = attempt if kind == "expand" else 0
        assert place == Place(experiment, "cpg", seed, f"{position:02d}-{task}", kind, given)
        assert place.position == position


def test_a_pack_names_its_data_set():
    assert dataset_of(PATHS.pack("scans")) == "scans"
    with pytest.raises(ValueError, match="no pack"):
        dataset_of("results/digits/cpg/s0/01-a/train/candidate.h5")


@pytest.mark.parametrize(
    "path",
    [
        "results/digits/pack_data/scans/pack.h5",
        "results/digits/tables/summary.csv",
        "results/digits/cpg/s0/02-b/prune",  # a folder, not a file in it
        "results/digits/cpg/x0/02-b/prune/record.csv",
        "results/digits/cpg/s0/b/prune/record.csv",
        "",
    ],
)
def test_other_paths_are_no_stages(path):
    assert place_of(path) is None
