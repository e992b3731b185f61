"""The workflow on a tiny experiment: what runs, what runs again, what survives a kill."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from functools import partial
from importlib.util import find_spec
from pathlib import Path

import pytest
from edits import with_key
from workflow_tree import EXPERIMENT, TREE, jobs, ran, running, snakemake, write_config

from lifelong import store

CPG = "results/tiny/cpg/s0"
LAST = {"tables", "report", "all"}


def named(methods: str, tasks: str, stages: str) -> set[str]:
    """Jobs such as cpg/02-y/prune, in all combinations."""
    return {
        f"{method}/{task}/{stage}"
        for method in methods.split()
        for task in tasks.split()
        for stage in stages.split()
    }


edited = partial(with_key, EXPERIMENT)


def test_the_second_task_was_widened_and_both_were_learned(finished):
    for task, width in (("01-x", 1.0), ("02-y", 1.5)):
        assert store.read_manifest(finished / CPG / task / "retrain")["outcome"]["width"] == width
    assert not (finished / CPG / "01-x/expand").exists()
    assert (finished / CPG / "02-y/expand/a1/candidate.h5").is_file()
    assert not (finished / CPG / "02-y/expand/a2").exists()  # a1 is at the cap


def test_a_finished_experiment_has_nothing_to_do(finished):
    assert "Nothing to be done" in snakemake(finished, "--cores", "2")


def test_every_folder_of_a_stage_is_sealed_by_its_manifest(finished):
    folders = [path.parent for path in (finished / "results").rglob("manifest.json")]
    kinds = {"pack_data", "baseline", "train", "expand", "prune", "retrain", "infer"}
    kinds |= {"goals", "select", "tables", "report"}
    assert {store.read_manifest(folder)["spec"]["kind"] for folder in folders} == kinds
    for folder in folders:
        sealed = (folder / "manifest.json").stat().st_mtime_ns
        files = store.read_manifest(folder)["files"]
        assert files
        for name in files:
            assert store.verified(folder / name) == files[name]
            assert (folder / name).stat().st_mtime_ns <= sealed, folder / name
        for name, digest in store.read_manifest(folder)["inputs"].items():
            assert store.digest(finished / name) == digest


WIDE = "train prune select retrain infer"  # of a task that shares its network
ALL_OF_Y = named("packnet cpg", "02-y", WIDE) | named("scratch", "02-y", "baseline infer")
EDITS = {
    "mean and std of the second task": (
        ("tasks", 1, {"name": "y", "classes": [8, 9], "mean": [0.3], "std": [0.4]}),
        ALL_OF_Y,
    ),
    "goal of the second task": (
        ("goals", "given", {"y": 0.99}),
        named("cpg", "02-y", "goals prune select retrain infer"),
    ),
    "ratio of the second task by hand": (
        ("tasks", 1, "ratio", 0.3),
        named("cpg", "02-y", "select retrain infer"),
    ),
    "epochs of retraining": (
        ("retrain", "epochs", 3),
        named("packnet cpg", "01-x", "retrain infer") | named("packnet cpg", "02-y", WIDE),
    ),
    "rungs of CPG": (
        ("prune", "ratios", [0.3, 0.5]),
        named("cpg", "01-x", "prune select retrain infer") | named("cpg", "02-y", WIDE),
    ),
    "cap": (
        ("expand", "cap", 2.0),
        named("cpg", "01-x", "select retrain infer") | named("cpg", "02-y", WIDE),
    ),
    "protocol": (
        ("protocol", "paper"),
        named("packnet cpg", "01-x 02-y", WIDE)
        | named("scratch", "01-x 02-y", "baseline infer")
        | named("cpg", "01-x 02-y", "goals"),
    ),
    "share of validation images": (
        ("datasets", "digits", "validation", 0.3),
        named("packnet cpg", "01-x 02-y", WIDE)
        | named("scratch", "01-x 02-y", "baseline infer")
        | named("cpg", "01-x", "goals")  # the second task's goal is given
        | {"pack_data"},
    ),
    "a method less": (("methods", ["scratch", "packnet"]), set()),
}


@pytest.mark.parametrize(("edit", "expected"), EDITS.values(), ids=EDITS)
def test_an_edit_runs_what_depends_on_it_and_nothing_else(dry, edit, expected):
    found = dry(edited(*edit))
    # Whether an attempt to widen runs is known only when the job before it has run.
    assert {name for name in found if "/expand/" not in name} == expected | LAST


def test_a_task_more_touches_no_task_before_it(dry):
    tasks = [*EXPERIMENT["tasks"], {"name": "z", "classes": [2, 3]}]
    found = dry({**EXPERIMENT, "tasks": tasks})
    new = named("packnet cpg", "03-z", WIDE) | named("scratch", "03-z", "baseline infer")
    assert found == new | named("cpg", "03-z", "goals") | LAST


def test_a_changed_goal_runs_no_job_that_trains_before_the_decision(again):
    shard = f"{CPG}/02-y/retrain/shard.h5"
    write_config(again, edited("goals", "given", {"y": 0.99}))
    assert ran(again, shard) == named("cpg", "02-y", "goals select retrain")
    assert jobs(snakemake(again, "-n", shard)) == set()


def test_a_goal_within_reach_takes_the_attempt_that_was_not_widened(again):
    shard = f"{CPG}/02-y/retrain/shard.h5"
    write_config(again, edited("goals", "given", {"y": 0.0}))
    assert ran(again, shard) == named("cpg", "02-y", "goals prune select retrain")
    assert store.read_manifest((again / shard).parent)["outcome"]["width"] == 1.0


def test_an_earlier_task_that_changes_takes_the_later_ones_with_it(again):
    shard = f"{CPG}/02-y/retrain/shard.h5"
    write_config(again, edited("retrain", "epochs", 3))
    found = ran(again, shard)
    assert found >= {"cpg/01-x/retrain", "cpg/02-y/train", "cpg/02-y/prune", "cpg/02-y/retrain"}
    assert not found & named("cpg", "01-x", "train prune select") and "pack_data" not in found
    for manifest in (again / CPG).glob("*/*/**/manifest.json"):
        if "infer" not in manifest.parts:  # not asked for
            for name, digest in store.read_manifest(manifest.parent)["inputs"].items():
                assert store.digest(again / name) == digest, f"{manifest} knows an older {name}"
    assert jobs(snakemake(again, "-n", shard)) == set()


def test_a_dry_run_tells_what_is_said_in_vain(tiny):
    said = snakemake(tiny, "-n", "--config", "picking={density: 0.1}")
    assert "Note: no method here reads picking" in said


def test_one_stage_of_one_task_runs_with_what_it_needs(tiny):
    target = f"{CPG}/01-x/train/manifest.json"
    assert ran(tiny, target) == {"pack_data", "cpg/01-x/train"}
    written = {path.parent.name for path in (tiny / "results").rglob("manifest.json")}
    assert written == {"digits", "train"}


def test_a_run_prints_two_lines_per_stage(tiny):
    said = snakemake(tiny, f"{CPG}/01-x/train/manifest.json")
    told = said.partition("\n\n")[2].partition("total")[2].splitlines()
    stages = [line[16:] for line in told if re.match(r"\d\d-\d\d \d\d:", line)]
    assert stages[0] == "started   pack_data digits"
    assert stages[1].startswith("finished  pack_data digits: ")
    assert stages[1].endswith("; 1 of 2 stages done")
    assert stages[2] == "started   cpg s0 01-x train"
    assert re.fullmatch(
        r"finished  cpg s0 01-x train: accuracy \d\.\d{3}; \d+\.\d s; 2 of 2 stages done", stages[3]
    )
    assert len(stages) == 4 and len(told) < 15
    (kept,) = (tiny / ".snakemake/log").glob("*.log")
    assert "localcheckpoint train:" in kept.read_text()  # all that Snakemake had to say


@pytest.mark.parametrize("option", ["--quiet", "--verbose", "--printshellcmds"])
def test_who_asks_snakemake_for_more_or_less_gets_its_own_lines(tiny, option):
    said = snakemake(tiny, "results/tiny/pack_data/digits/pack.h5", option)
    assert ("localrule pack_data:" in said) == (option != "--quiet")
    assert "started   pack_data" not in said


def test_a_stage_that_fails_is_named_with_its_reason(tiny):
    config = {**EXPERIMENT, "train": {**EXPERIMENT["train"], "lr": 1e9}}
    write_config(tiny, config)
    said = snakemake(tiny, f"{CPG}/01-x/train/manifest.json", succeeds=False)
    assert re.search(
        rf"failed    cpg s0 01-x train: see {CPG}/01-x/train/log.txt: "
        r"train at width 1 diverged: .*lower the lr",
        said,
    )
    assert "CalledProcessError" not in said


def test_a_deleted_shard_is_rebuilt(again, finished):
    shard = f"{CPG}/01-x/retrain/shard.h5"
    (again / shard).unlink()
    assert ran(again, shard) == {"cpg/01-x/retrain"}
    assert (again / shard).read_bytes() == (finished / shard).read_bytes()


def test_a_flipped_bit_is_refused_by_name(again):
    shard, stage = again / CPG / "01-x/retrain/shard.h5", again / CPG / "02-y/train"
    damaged = bytearray(shard.read_bytes())
    damaged[len(damaged) // 2] ^= 1
    shard.write_bytes(damaged)
    shutil.rmtree(stage)
    said = snakemake(again, f"{CPG}/02-y/train/manifest.json", succeeds=False)
    damaged_shard = f"{CPG}/01-x/retrain/shard.h5"
    words = f"{damaged_shard} is not what was written; make it again: "
    words += f"rm {damaged_shard} && snakemake --cores 1"
    assert words in said and "Traceback" not in said
    assert words in (stage / "log.txt").read_text()
    assert {path.name for path in stage.iterdir()} == {"log.txt"}


def test_a_killed_run_is_run_again_to_the_same_bytes(again, finished):
    for part in ("cpg/s0/02-y", "tables", "report"):
        shutil.rmtree(again / "results/tiny" / part)
    with running(again) as run:
        _wait_for(again / CPG / "02-y/train/manifest.json", run)
        os.killpg(run.pid, signal.SIGKILL)
    assert not (again / CPG / "02-y/retrain/manifest.json").exists()
    # The lock of the killed run is still there; Snakemake says how to take it away.
    assert "--unlock" in snakemake(again, succeeds=False)
    snakemake(again, "--unlock")
    assert "cpg/02-y/retrain" in ran(again)
    shards = sorted(finished.rglob("shard.h5"))
    assert len(shards) == 3 * 2
    for shard in shards:
        assert (again / shard.relative_to(finished)).read_bytes() == shard.read_bytes()
    assert not list(again.rglob(".resume*")) and not list(again.rglob("*.tmp"))


def _wait_for(path: Path, run: subprocess.Popen) -> None:
    deadline = time.monotonic() + 120
    while not path.exists():
        assert run.poll() is None and time.monotonic() < deadline, f"{path} was never written"
        time.sleep(0.02)


def test_the_rule_graph_has_every_rule(finished):
    graph = snakemake(finished, "--rulegraph")
    rules = {path.stem for path in (TREE / "rules").glob("*.smk")} - {
        "common",
        "align_faces",
        "ground",
    }  # there are no faces here, and no pretrained weights
    assert set(re.findall(r'label = "(\w+)"', graph)) == rules | {"all"}


def test_snakemake_finds_nothing_to_complain_about(tiny):
    assert "Congratulations" in snakemake(tiny, "--lint")


@pytest.mark.skipif(find_spec("snakefmt") is None, reason="snakefmt is not installed")
def test_the_rules_are_formatted():
    files = [TREE / "Snakefile", TREE / "rules"]
    run = subprocess.run(
        [sys.executable, "-m", "snakefmt", "--check", *map(str, files)],
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stderr


def test_snakemakes_own_report_stands_alone(again):
    snakemake(again, "--report", "report.html")
    page = (again / "report.html").read_text()
    assert len(page) > 100_000
    assert "accuracy_against_size" in page
    assert all(f'"{category}": {{' in page for category in ("Overview", "Figures", "Tables"))
    shown = {"index.html", "tables.html", "summary.csv", "curves-cpg.svg", "weight_owners-cpg.svg"}
    assert all(f"results/tiny/report/{name}" in page for name in shown - {"summary.csv"})
    assert "results/tiny/tables/summary.csv" in page
    assert "in units of one network of width 1" in page  # a caption
    assert not re.findall(r"<script[^>]+src=[\"']?https?://[^>]*", page)
