"""Results that another configuration made run again, whatever Snakemake remembers of them."""

import os
import shutil
import time

import numpy as np
import pytest
from edits import with_key
from harness_tree import content
from PIL import Image
from workflow_tree import EXPERIMENT, copy_workflow, jobs, ran, snakemake, write_config

from lifelong.jobs.runner import TAKEN_BACK
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
BASE = "results/tiny"


@pytest.fixture
def pictured(workflow):
    """An experiment of a few pictures below `raw`; nothing has run."""
    for name in ("dark/1", "dark/2", "dark/3", "light/1", "light/2", "light/3"):
        for split in ("train", "test"):
            path = workflow / f"raw/{split}/{name}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(np.full((8, 8), 200 * name.startswith("light"), np.uint8)).save(path)
    with_root(workflow, "raw")
    return workflow


def with_root(workflow, root, **more):
    pictures = {"source": "image_folder", "root": root, "image_size": 8, "channels": 1}
    task = {"name": "a", "dataset": "pictures", "classes": ["dark", "light"]}
    given = {"tasks": [task], "goals": {"policy": "given", "given": {"a": 0.5}}, **more}
    config = EXPERIMENT | {"methods": ["packnet"], "datasets": {"pictures": pictures}}
    write_config(workflow, config | given)


def said(workflow):
    """The last line of every stage's log."""
    logs = sorted(workflow.glob(f"{BASE}/p*/**/log.txt"))
    return {path.parent.name: path.read_text().splitlines()[-1] for path in logs}


def results(workflow):
    """The bytes of all results but Snakemake's benchmarks."""
    found = content(workflow / BASE)
    return {name: found[name] for name in found if not name.endswith("benchmark.tsv")}


def test_pictures_that_were_copied_without_their_times_are_not_packed_again(pictured):
    """Changed ones are, and once they are back as they were there is nothing to do."""
    snakemake(pictured, "--cores", "1", PACK)
    (pictured / "raw").rename(pictured / "first")
    shutil.copytree(pictured / "first", pictured / "raw", copy_function=shutil.copy)
    assert "Nothing to be done" in snakemake(pictured, "-n", PACK)
    changed = pictured / "raw/train/dark/1.png"
    before = changed.read_bytes()
    changed.write_bytes(before[:-1] + bytes([before[-1] ^ 1]))
    assert jobs(snakemake(pictured, "-n", PACK)) == {"pack_data"}
    changed.write_bytes(before)
    assert "Nothing to be done" in snakemake(pictured, "-n", PACK)


def test_nothing_is_learned_again_that_would_come_out_as_it_was(pictured):
    """After a pack that failed, one that came out the same, and a start that was undone."""
    snakemake(pictured, "--cores", "1")
    made = results(pictured)
    stray = pictured / "raw/train/dark/notes.txt"
    stray.write_bytes(b"?")
    snakemake(pictured, "--cores", "1", succeeds=False)
    assert not (pictured / PACK).exists()
    stray.unlink()
    snakemake(pictured, "--cores", "1")
    assert all(TAKEN_BACK in last for last in said(pictured).values()), said(pictured)
    assert results(pictured) == made

    (pictured / "raw").rename(pictured / "moved")
    with_root(pictured, "moved")
    snakemake(pictured, "--cores", "1")
    again = said(pictured)
    assert TAKEN_BACK not in again.pop("pictures")
    assert all(TAKEN_BACK in last for last in again.values()), again
    changed = {name for name, bytes_ in results(pictured).items() if made[name] != bytes_}
    changed = {name for name in changed if not name.startswith("report/")}  # it prints settings
    assert changed == {"pack_data/pictures/manifest.json"}

    made = results(pictured)
    train = {**EXPERIMENT["train"], "epochs": 400}
    with_root(pictured, "moved", train=train)
    jobs(snakemake(pictured, "-n"))
    for path in (pictured / f"{BASE}/packnet/s0/01-a/train").glob("[!.]*"):
        path.unlink()  # as Snakemake does before the stage is stopped
    with_root(pictured, "moved")
    snakemake(pictured, "--cores", "1")
    assert TAKEN_BACK in said(pictured)["train"] and results(pictured) == made
    snakemake(pictured, "-n")
    assert not list(pictured.rglob(".before"))
    with_root(pictured, "moved", train=train)
    snakemake(pictured, "-n", "--forcerun", "infer")
    assert not list(pictured.rglob(".before"))  # who forces a stage wants it to run
