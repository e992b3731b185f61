"""Results that another configuration made run again, whatever Snakemake remembers of them."""

import os
import shutil
import time

import numpy as np
import pytest
from edits import with_key
from PIL import Image
from workflow_tree import EXPERIMENT, copy_workflow, jobs, ran, snakemake, write_config

from lifelong.plan.ages import SHIFT_NS

RETRAINED = {"cpg/01-x/retrain", "packnet/01-x/retrain", "cpg/02-y/retrain", "packnet/02-y/retrain"}


@pytest.fixture
def moved(finished, tmp_path):
    """The finished results in a fresh copy of the workflow, which knows nothing of them."""
    folder = copy_workflow(tmp_path)
    for path in folder.rglob("*"):
        path.touch()
    write_config(folder, EXPERIMENT)
    shutil.copytree(finished / "results", folder / "results")
    return folder


def test_results_in_a_fresh_clone_are_finished(moved):
    assert "Nothing to be done" in snakemake(moved, "-n")


def test_a_copy_without_the_times_is_finished(moved):
    """Whatever was copied last; a file that was changed on the way makes its readers run."""
    files = sorted(path for path in (moved / "results").rglob("*") if path.is_file())
    for later, path in enumerate(reversed(files)):
        os.utime(path, (1.7e9 + later,) * 2)
    assert "Nothing to be done" in snakemake(moved, "-n")
    shard = moved / "results/tiny/packnet/s0/01-x/retrain/shard.h5"
    shard.write_bytes(shard.read_bytes() + b"?")
    assert jobs(snakemake(moved, "-n")) >= {"packnet/02-y/train", "packnet/01-x/infer", "report"}


@pytest.mark.parametrize("arguments", [(), ("--rerun-triggers", "mtime", "--")])
def test_a_changed_setting_runs_again_what_depends_on_it(moved, arguments):
    write_config(moved, with_key(EXPERIMENT, "retrain", "epochs", 3))
    told = jobs(snakemake(moved, "-n", *arguments))
    assert told >= RETRAINED | {"tables", "report"}
    assert not {name for name in told if name.endswith("/prune") and name.startswith("packnet/01")}
    if not arguments:  # the tables are of one configuration
        assert ran(moved, "results/tiny/packnet/s0/01-x/retrain/manifest.json") == {
            "packnet/01-x/retrain"
        }
        assert "packnet/01-x/retrain" not in jobs(snakemake(moved, "-n"))


def test_rungs_that_still_look_old_make_nothing_else_younger(moved):
    """A stage that was made again keeps its finished rungs, which no rule declares."""
    prune = moved / "results/tiny/cpg/s0/01-x/prune"
    for path in (rungs := list(prune.glob("ratio-*.h5"))):
        os.utime(path, ns=(0, path.stat().st_mtime_ns - SHIFT_NS))
    assert rungs and "Nothing to be done" in snakemake(moved, "-n")
    now = time.time()
    assert all(now - 86400 < path.stat().st_mtime <= now for path in prune.iterdir())


def test_another_seed_makes_other_tables(moved):
    write_config(moved, EXPERIMENT | {"seeds": [1]})
    told = jobs(snakemake(moved, "-n"))
    assert {"cpg/01-x/train", "tables", "report"} <= told


def test_changed_packing_packs_again_though_it_has_no_inputs(moved):
    write_config(moved, with_key(EXPERIMENT, "datasets", "digits", "validation", 0.3))
    told = jobs(snakemake(moved, "-n"))
    assert {"pack_data", "scratch/01-x/baseline", "cpg/02-y/train", "report"} <= told


def test_a_given_goal_that_changed_is_given_again_though_it_has_no_inputs(moved):
    given = next(iter(EXPERIMENT["goals"]["given"]))
    write_config(moved, with_key(EXPERIMENT, "goals", "given", given, 0.4321))
    told = jobs(snakemake(moved, "-n"))
    assert {f"cpg/02-{given}/goals", f"cpg/01-{given}/goals"} & told


def test_a_configuration_that_is_changed_back_has_nothing_to_do(moved):
    write_config(moved, with_key(EXPERIMENT, "train", "lr", 0.03))
    assert "cpg/01-x/train" in jobs(snakemake(moved, "-n"))
    write_config(moved, EXPERIMENT)
    assert "Nothing to be done" in snakemake(moved, "-n")
    for path in (moved / "results").rglob("*.h5"):
        assert path.stat().st_mtime > 1e9


PACK = "results/tiny/pack_data/pictures/manifest.json"


def test_pictures_that_were_copied_without_their_times_are_not_packed_again(workflow):
    """Changed ones are, and once they are back as they were there is nothing to do."""
    for name in ("dark/1", "dark/2", "light/1", "light/2"):
        for split in ("train", "test"):
            path = workflow / f"raw/{split}/{name}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(np.full((8, 8), 200 * name.startswith("light"), np.uint8)).save(path)
    pictures = {"source": "image_folder", "root": "raw", "image_size": 8, "channels": 1}
    task = {"name": "a", "dataset": "pictures", "classes": ["dark", "light"]}
    goals = {"policy": "given", "given": {"a": 0.5}}
    write_config(
        workflow,
        EXPERIMENT | {"datasets": {"pictures": pictures}, "tasks": [task], "goals": goals},
    )
    snakemake(workflow, "--cores", "1", PACK)
    (workflow / "raw").rename(workflow / "first")
    shutil.copytree(workflow / "first", workflow / "raw", copy_function=shutil.copy)
    assert "Nothing to be done" in snakemake(workflow, "-n", PACK)
    changed = workflow / "raw/train/dark/1.png"
    before = changed.read_bytes()
    changed.write_bytes(before[:-1] + bytes([before[-1] ^ 1]))
    assert jobs(snakemake(workflow, "-n", PACK)) == {"pack_data"}
    changed.write_bytes(before)
    assert "Nothing to be done" in snakemake(workflow, "-n", PACK)
