"""Clocks that differ, another workflow that imports ours, and errors where a user looks last."""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml
from workflow_tree import EXPERIMENT, copy_workflow, jobs, snakemake, write_config

from lifelong.cli import main

AHEAD_S = 7200
SMALL = {**EXPERIMENT, "methods": ["packnet"], "goals": {}, "tasks": EXPERIMENT["tasks"][:1]}
IMPORTING = """
configfile: "other.yaml"

module learning:
    snakefile: "ours/Snakefile"
    config: config["learning"]
    prefix: "inside"

use rule * from learning as learning_*

rule everything:
    default_target: True
    input: rules.learning_all.input
"""


def files(folder: Path) -> list[Path]:
    return [path for path in (folder / "results").rglob("*") if path.is_file()]


def test_results_of_a_clock_that_is_ahead_are_no_reason_to_remove_what_is_made_of_them(again):
    """As where the machine that runs Snakemake, or made the inputs, is two hours ahead of this."""
    future = time.time() + AHEAD_S
    for path in files(again):
        os.utime(path, (future, future))
    stage = again / "results/tiny/cpg/s0/02-y/retrain"
    for path in stage.iterdir():
        path.unlink()
    said = snakemake(again, f"{stage.relative_to(again)}/manifest.json")
    assert "clock skew" not in said and (stage / "manifest.json").is_file()
    assert not jobs(snakemake(again, "-n", f"{stage.relative_to(again)}/manifest.json"))


def test_what_is_newer_than_what_stays_so(again):
    """Whatever of the chain lies in the future is brought back, nothing else, in no other order."""
    base = again / "results/tiny"
    ahead = ["pack_data/digits", "cpg/s0/01-x/train", "cpg/s0/01-x/prune", "cpg/s0/01-x/select"]
    for later, folder in enumerate(ahead):
        for path in (base / folder).iterdir():
            os.utime(path, (time.time() + AHEAD_S + later,) * 2)
    before = (base / "packnet/s0/01-x/train/manifest.json").stat().st_mtime_ns
    (base / "cpg/s0/01-x/retrain/manifest.json").unlink()
    snakemake(again, "results/tiny/cpg/s0/01-x/retrain/manifest.json")
    times = [(base / folder / "manifest.json").stat().st_mtime for folder in ahead]
    assert times == sorted(times) and times[-1] <= time.time()
    assert (base / "packnet/s0/01-x/train/manifest.json").stat().st_mtime_ns == before


def test_another_workflow_imports_ours_under_a_prefix(tmp_path):
    published = tmp_path / "published.csv"
    published.write_text("method,task,accuracy_percent\nPackNet,x,99\nCPG avg,x,98\n")
    ours = {**SMALL, "published": "published.csv", "published_cpg_row": "CPG avg"}
    (tmp_path / "ours").mkdir()
    copy_workflow(tmp_path / "ours")
    (tmp_path / "other.yaml").write_text(yaml.safe_dump({"learning": ours, "own": 1}))
    (tmp_path / "Snakefile").write_text(IMPORTING)
    snakemake(tmp_path, "--cores", "2")
    assert not (tmp_path / "results").exists() and not (tmp_path / "ours/results").exists()
    base = tmp_path / "inside/results/tiny"
    assert (base / "report/index.html").is_file() and (base / "tables/summary.csv").is_file()
    assert "99" in (base / "tables/published.csv").read_text()
    # What the importing workflow is told is its own, and what changes in ours is seen.
    assert not jobs(snakemake(tmp_path, "-n", "--config", "own=2"))
    (tmp_path / "other.yaml").write_text(
        yaml.safe_dump({"learning": {**ours, "retrain": {"epochs": 3}}})
    )
    shutil.rmtree(tmp_path / ".snakemake/metadata")
    assert "learning_retrain" in snakemake(tmp_path, "-n")


def test_published_numbers_lie_beside_the_file_that_names_them(tiny, capsys, monkeypatch):
    """Both the rules and the command line look there first, then in the working folder."""
    folder = tiny / "papers"
    folder.mkdir()
    over = {"published": "p.csv", "published_cpg_row": "CPG avg"}
    (folder / "theirs.yaml").write_text(yaml.safe_dump(over))
    wrong, right = "no,columns\n", "method,task,accuracy_percent\nCPG avg,x,98\n"
    (tiny / "p.csv").write_text(wrong)
    (folder / "p.csv").write_text(right)
    monkeypatch.chdir(tiny)
    asked = ("--configfile", "papers/theirs.yaml")
    assert "papers/p.csv" in snakemake(tiny, "-n", *asked)
    assert main(["stage", "results/tiny/tables/summary.csv", *asked]) == 1
    assert "is missing" in capsys.readouterr().err  # the records: nothing has run
    (folder / "p.csv").rename(tiny / "p.csv")
    assert "papers/p.csv" not in snakemake(tiny, "-n", *asked)
    (tiny / "p.csv").write_text(wrong)
    assert "p.csv has no column" in snakemake(tiny, "-n", *asked, succeeds=False)


@pytest.mark.parametrize(
    ("methods", "worker", "others"),
    [
        (EXPERIMENT["methods"], "", "and 3 other stages: "),
        (["packnet", "wsn"], "off", "and 1 other stage: "),
    ],
)
def test_why_a_stage_failed_is_the_last_line(tiny, monkeypatch, methods, worker, others):
    write_config(tiny, {**EXPERIMENT, "methods": methods})
    monkeypatch.setenv("LIFELONG_WORKER", worker)
    pack = "results/tiny/pack_data/digits/pack.h5"
    snakemake(tiny, pack)
    (tiny / pack).write_bytes(b"no pack")
    said = snakemake(tiny, "--keep-going", succeeds=False).rstrip().splitlines()
    first = "results/tiny/packnet/s0/01-x/train"
    assert said[-1].startswith("Error in results/tiny/") and f"{pack} is not what" in said[-1]
    assert others in said[-1] and "Error in" not in said[-2]
    # What failed before is not repeated, and what goes well now is forgotten.
    said = snakemake(tiny, f"{first}/manifest.json", succeeds=False).rstrip().splitlines()
    assert said[-1].startswith(f"Error in {first}: {pack}")
    (tiny / pack).unlink()
    assert "Error in" not in snakemake(tiny, f"{first}/manifest.json")


def test_a_bug_is_told_last_too(tiny):
    broken = tiny / "workflow_scripts/train.py"
    text = broken.read_text().replace("from_snakemake(", "snakemake.threads = 'x'\nfrom_snakemake(")
    broken.write_text(text)
    target = "results/tiny/packnet/s0/01-x/train"
    said = snakemake(tiny, f"{target}/manifest.json", succeeds=False).rstrip().splitlines()
    assert said[-1].startswith(f"Error in {target}: a bug in lifelong (")
    assert said[-1].endswith(f"see {target}/log.txt")


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ((), "4000 8000 12000"),
        (("--set-resources", "pack_data:mem_mb=5000*attempt"), "5000 10000 15000"),
        (("--set-resources", "pack_data:mem_mb=5000"), "5000 5000 5000"),
    ],
)
def test_every_try_asks_for_more_memory_unless_a_profile_says_otherwise(tiny, asked, expected):
    told = "with open('told.txt', 'a') as file:\n    print(snakemake.resources.mem_mb, file=file)\n"
    (tiny / "workflow_scripts/pack_data.py").write_text(f"{told}raise SystemExit(1)\n")
    pack = "results/tiny/pack_data/digits/pack.h5"
    snakemake(tiny, "--retries", "2", *asked, "--", pack, succeeds=False)
    assert (tiny / "told.txt").read_text().split() == expected.split()


def test_stages_need_no_home(again):
    home = again / "no home"
    made = [sys.executable, "-m", "lifelong", "stage", "results/tiny/report/index.html"]
    environment = {**os.environ, "HOME": str(home)}
    for name in ("MPLCONFIGDIR", "XDG_CONFIG_HOME", "XDG_CACHE_HOME"):
        environment.pop(name, None)
    done = subprocess.run(made, cwd=again, env=environment, capture_output=True, text=True)
    assert done.returncode == 0 and "atplotlib" not in done.stderr and not home.exists()
