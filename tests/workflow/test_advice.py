"""What errors and `lifelong verify` advise, done as it is typed, makes results whole again."""

import contextlib
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from edits import with_key
from harness_tree import content as bytes_of
from workflow_tree import EXPERIMENT, copy_workflow

from lifelong import store
from lifelong.cli import main
from lifelong.jobs import driver
from lifelong.jobs.find import reader_of, survey
from lifelong.plan.config import load
from lifelong.plan.plan import Plan
from lifelong.use.verify import verify

FILES = ("tiny.yaml", "more settings.yaml")
COMMAND = "snakemake --cores 2 --configfile tiny.yaml 'more settings.yaml'"
CPG = "results/tiny/cpg/s0"
X, Y = f"{CPG}/01-x", f"{CPG}/02-y"
MAKE = "make it again: "


def shell(command: str, folder: Path, succeeds: bool = True) -> str:
    """Type a command; what it prints."""
    programs = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    run = subprocess.run(
        command,
        shell=True,
        cwd=folder,
        env={**os.environ, "PATH": programs, "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert (run.returncode == 0) == succeeds, run.stdout
    return run.stdout


def content(folder: Path) -> dict[str, bytes]:
    found = bytes_of(folder / "results")
    return {name: found[name] for name in found if not name.endswith("benchmark.tsv")}


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> Path:
    """An experiment given by two files, none of them config.yaml, and finished."""
    folder = copy_workflow(tmp_path_factory.mktemp("whole"))
    config = EXPERIMENT | {"methods": ["cpg"]}
    (folder / FILES[0]).write_text(yaml.safe_dump(config))
    (folder / FILES[1]).write_text(yaml.safe_dump({"retrain": {"epochs": 3}}))
    shell(COMMAND, folder)
    return folder


@pytest.fixture
def here(whole, tmp_path) -> Path:
    """A copy of it, as the working folder."""
    folder = Path(shutil.copytree(whole, tmp_path / "here"))
    with contextlib.chdir(folder):
        yield folder


def plan() -> Plan:
    return Plan(load(map(Path, FILES)))


def changed(whole: Path, here: Path) -> set[str]:
    before, after = content(whole), content(here)
    return {name for name in before.keys() | after if before.get(name) != after.get(name)}


def replaced(path: str, text: bytes = b"other") -> None:
    Path(path).write_bytes(text)


def outdated(path: str) -> None:
    """A stage was made from something else: it is stale, and so is what was made from it."""
    folder = Path(path).parent
    manifest = store.read_manifest(folder)
    facts = {key: manifest[key] for key in ("spec", "outcome", "inputs", "versions")}
    facts["inputs"] = dict.fromkeys(facts["inputs"], "0" * 64)
    digest = store.write_text(Path(path), "<p>other</p>")
    store.write_manifest(folder, {**manifest["files"], Path(path).name: digest}, **facts)


def test_every_command_of_verify_makes_results_whole_again(here, whole, capsys):
    replaced(f"{Y}/expand/a1/candidate.h5")
    replaced(f"{Y}/infer/manifest.json", b"{")
    replaced(f"{X}/prune/ratio-0.3.h5")
    replaced(f"{Y}/train/extra file")
    shutil.copy(f"{X}/goals/manifest.json", f"{Y}/goals/manifest.json")
    Path(f"{Y}/retrain/record.csv").unlink()
    Path(f"{Y}/select/manifest.json").unlink()
    outdated(f"{Y}/prune/record.csv")
    Path("results/tiny/report/manifest.json").unlink()
    assert main(["verify", "--quiet", "results/tiny"]) == 1
    lines = capsys.readouterr().out.splitlines()
    commands = {line.rpartition("  ")[2] for line in lines}
    assert {line.partition("  ")[0] for line in lines} == {"damaged", "foreign", "missing", "stale"}
    with_snakemake = {command for command in commands if command.endswith(COMMAND)}
    assert COMMAND in commands and f"rm -r {Y}/goals && {COMMAND}" in commands
    rung = f"rm {X}/prune/ratio-0.3.h5"  # nothing reads it any more
    assert commands - with_snakemake >= {rung, f"rm '{Y}/train/extra file'"}
    for command in commands:
        for removing in command.removesuffix(COMMAND).split(" && "):
            shell(removing or "true", here)
    shell(COMMAND, here)
    assert changed(whole, here) == {rung.removeprefix("rm results/")}
    assert {finding.status for finding in verify(Path("results"))} == {"ok"}


def test_what_a_failed_run_advises_makes_results_whole_again(here, whole):
    """A damaged goal is met when jobs are planned, a shard by a job of its own.

    Folders that are gone besides are made again by the same command.
    """
    replaced(f"{Y}/goals/goal.json", b"{}")
    replaced(f"{X}/retrain/shard.h5")
    command = COMMAND
    for damaged in (f"{Y}/goals/goal.json", f"{X}/retrain/shard.h5"):
        said = shell(command, here, succeeds=False)
        command = re.findall(f"{MAKE}(.*)", said)[-1]
        assert command == f"rm {damaged} && {COMMAND}"
    shutil.rmtree(Y)
    shutil.rmtree("results/tiny/scratch/s0/01-x")  # of which a goal was made
    shell(command, here)
    assert changed(whole, here) == set()


def test_a_rung_is_missed_only_where_it_is_needed(here, whole, monkeypatch, capsys):
    assert main(["clean", "results/tiny", "--rungs", "--yes", "--configfile", *FILES]) == 0
    assert not list(Path("results").rglob("ratio-*.h5"))
    assert "Nothing to be done" in shell(f"{COMMAND} -n", here)
    assert main(["verify", "results/tiny", "--quiet", "--configfile", *FILES]) == 0
    ran = []
    monkeypatch.setattr(driver, "run_stage", lambda stage, threads: ran.append(stage.kind))
    driver.run_experiment(plan())
    assert ran == ["tables", "report"]
    monkeypatch.undo()
    Path(f"{Y}/retrain/shard.h5").unlink()
    capsys.readouterr()
    assert main(["stage", f"{Y}/retrain/shard.h5", "--configfile", *FILES]) == 1
    again = capsys.readouterr().err.rpartition(MAKE)[2].strip()
    assert again == "lifelong run --configfile tiny.yaml 'more settings.yaml'"
    rungs = {name for name in changed(whole, here) if reader_of(f"results/{name}") is not None}
    assert main(shlex.split(again)[1:]) == 0
    assert changed(whole, here) == {name for name in rungs if "01-x" in name}


def test_another_choice_of_ratio_prunes_again_where_rungs_were_removed(here):
    for path in Path(X).glob("prune/ratio-*.h5"):
        path.unlink()
    assert survey(plan()).outdated == []
    other = with_key(yaml.safe_load(Path(FILES[0]).read_text()), "tasks", 0, "ratio", 0.3)
    Path(FILES[0]).write_text(yaml.safe_dump(other))
    wrong = {one.folder.as_posix() for one in survey(plan()).outdated}
    assert wrong == {f"{X}/select", f"{X}/prune", "results/tiny/report"}  # which prints settings


def folders() -> set[Path]:
    stages = {path.parent for path in Path("results").rglob("manifest.json")}
    return stages | {Path(X), Path(Y), Path(CPG), Path("results/tiny/scratch")}


def test_whatever_is_gone_is_noticed_and_nothing_else(here):
    assert survey(plan()).outdated == [] and survey(plan()).lost == []
    kept = here / "kept"
    sealed = {
        path for path in Path("results").rglob("*") if path.suffix in (".h5", ".json", ".csv")
    }
    last = Path("results/tiny/report")  # nothing is made from it: `all` asks for its files
    for path in sorted(sealed | folders()):
        if path.name == "timing.json" or last in (path, path.parent):
            continue
        path.rename(kept)
        seen = survey(plan())
        noticed = {str(one.folder) for one in seen.outdated} | {*seen.lost}
        needed = reader_of(str(path)) is None
        assert any(str(one).startswith(str(path.parent)) for one in noticed) == needed, path
        kept.rename(path)


def test_results_say_the_command_that_made_them(here, capsys):
    Path(f"{Y}/retrain/shard.h5").unlink()
    told = [one.command for one in verify(Path("results")) if one.status == "missing"]
    assert told == [COMMAND]
    for path in Path("results").rglob("timing.json"):  # as older versions wrote it
        facts = json.loads(path.read_text())
        assert facts.pop("command") == COMMAND
        path.write_text(json.dumps(facts))
    told = [one.command for one in verify(Path("results")) if one.status == "missing"]
    assert told == ["snakemake --cores 2 --configfile tiny.yaml"]


@pytest.mark.parametrize("finished", [True, False])
def test_a_missing_shard_is_named_and_not_the_one_after_it(here, finished, capsys):
    """Whether or not anything says yet which tasks the model has."""
    if not finished:
        shutil.rmtree("results/tiny/tables")
        for path in Path(CPG).glob("*/infer"):
            shutil.rmtree(path)
    for gone in (Path(X, "retrain/shard.h5"), Path(X)):
        gone.unlink() if gone.is_file() else shutil.rmtree(gone)
        assert main(["infer", "--model", CPG, "--task", "y", "none.png"]) == 1
        said = capsys.readouterr().err
        assert said == f"Error: {X}/retrain/shard.h5 is missing; {MAKE}{COMMAND}\n"
