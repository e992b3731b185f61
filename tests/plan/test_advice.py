"""The commands that make files again, as they are typed."""

# ruff: noqa: E501 - one case a line, as in a table

import json
import shlex
from pathlib import Path

import pytest

from lifelong.plan.advice import advised, command_of, running, snakemake_as
from lifelong.plan.errors import DamagedFile, DataError


@pytest.mark.parametrize(
    ("typed", "files", "options", "command"),
    [
        ("snakemake --cores 4", [], {}, "snakemake --cores 4"),
        ("snakemake -c 4 -n --quiet rules", [], {}, "snakemake --cores 4"),
        ("snakemake --cores=all results/x/tables/size.csv", [], {}, "snakemake --cores all"),
        ("snakemake", ["a.yaml", "b c.yaml"], {}, "snakemake --cores 2 --configfile a.yaml 'b c.yaml'"),
        ("snakemake --profile slurm -j 9", ["a.yaml"], {}, "snakemake --jobs 9 --profile slurm --configfile a.yaml"),
        ("snakemake -c1 -R train", [], {"protocol": "paper"}, "snakemake --cores 1 --config protocol=paper"),
        ("snakemake -c1", [], {"train": {"lr": "0.1"}}, "snakemake --cores 1 --config 'train={\"lr\": \"0.1\"}'"),
    ],
)  # fmt: skip
def test_the_command_of_a_run_is_what_was_typed_but_for_what_runs_less(
    tmp_path, monkeypatch, typed, files, options, command
):
    monkeypatch.chdir(tmp_path)
    absolute = [tmp_path / name for name in files]  # as Snakemake has them
    assert snakemake_as(shlex.split(typed)[1:], absolute, options) == command


def test_a_command_that_was_given_a_folder_can_be_typed_anywhere(tmp_path, monkeypatch):
    (tmp_path / "own").mkdir()
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")  # as Snakemake does
    typed = ["--cores", "4", "-s", "../Snakefile", "-d", "work", "--profile", "own"]
    command = snakemake_as(typed, ["/a/b.yaml"], {"x": 1}, "/a/Snakefile", str(tmp_path))
    start = f"snakemake --cores 4 --profile {tmp_path}/own --snakefile /a/Snakefile"
    end = f"--directory {tmp_path}/work --configfile /a/b.yaml --config x=1"
    assert command == f"{start} {end}"
    said = advised(DamagedFile("x/c", "is damaged"), command)
    assert said == f"x/c is damaged; make it again: rm {tmp_path}/work/x/c && {command}"
    assert "rm x/c" in advised(DamagedFile("x/c", "is damaged"), "run 'a --directory b'")


def test_advice_is_for_damaged_files_alone_and_names_what_to_remove(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert advised(DataError("no picture")) == "no picture"
    (tmp_path / "a b").mkdir()
    said = advised(DamagedFile("a b/c", "is of another run", remove="a b"), "lifelong run")
    assert said == "a b/c is of another run; make it again: rm -r 'a b' && lifelong run"
    said = advised(DamagedFile.missing("a b/c"), "lifelong run")
    assert said == "a b/c is missing; make it again: lifelong run"


def test_a_file_is_made_by_the_command_of_its_own_run_or_else_of_the_newest(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    own, other = (tmp_path / f"results/e/cpg/s0/0{i}-{i}/train" for i in (1, 2))
    for folder, command in ((own, "one"), (other, "other")):
        folder.mkdir(parents=True)
        (folder / "timing.json").write_text(json.dumps({"command": command}))
    assert command_of(own / "candidate.h5") == command_of(own) == "one"
    assert command_of(own.parent / "infer" / "logits.h5") == "other"
    (own / "timing.json").write_text("{")
    assert command_of(own / "candidate.h5") == "other"


def test_a_command_runs_where_the_results_lie(tmp_path, monkeypatch):
    folder = tmp_path / "here/inside/results/e/cpg/s0/01-x/train"
    folder.mkdir(parents=True)
    wrote = "inside/results/e/cpg/s0/01-x/train"  # as seen from where a workflow imports ours
    (folder / "manifest.json").write_text(json.dumps({"folder": wrote}))
    for command, elsewhere in (
        ("run", "cd here && run"),
        ("snakemake --directory /then", f"snakemake --directory {tmp_path}/here"),
    ):
        (folder / "timing.json").write_text(json.dumps({"command": command}))
        monkeypatch.chdir(tmp_path)
        assert command_of(folder / "candidate.h5") == elsewhere
    monkeypatch.chdir(tmp_path / "here")
    (folder / "timing.json").write_text(json.dumps({"command": "run"}))
    assert command_of(folder / "candidate.h5") == "run"


def test_results_without_a_snakefile_beside_them_know_one(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "results/e/cpg/s0/01-x/train"
    folder.mkdir(parents=True)
    (folder / "timing.json").write_text(json.dumps({"command": "snakemake --snakefile /a/S -c1"}))
    start = f"snakemake --cores 2 --snakefile /a/S --directory {tmp_path}"
    assert running(["b.yaml"], Path("results/e")) == f"{start} --configfile {tmp_path}/b.yaml"
    (folder / "timing.json").write_text(json.dumps({"command": "lifelong run --methods cpg"}))
    assert running(["b.yaml"], Path("results/e")) == "lifelong run --configfile b.yaml"
    Path("Snakefile").touch()
    assert running(["b.yaml"], Path("results/e")) == "snakemake --cores 2 --configfile b.yaml"


@pytest.mark.parametrize(
    ("files", "command"),
    [
        ({}, "snakemake --cores 2"),
        ({"config.yaml": "e"}, "snakemake --cores 2"),
        ({"config.yaml": "x", "e.yaml": "e"}, "snakemake --cores 2 --configfile e.yaml"),
        ({"experiments/e.yaml": "e"}, "snakemake --cores 2 --configfile experiments/e.yaml"),
    ],
)
def test_results_that_say_no_command_are_those_of_the_file_of_their_name(
    tmp_path, monkeypatch, files, command
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "experiments").mkdir()
    for name, experiment in files.items():
        (tmp_path / name).write_text(f"experiment: {experiment}\n")
    assert command_of(tmp_path / "results/e/tables/size.csv") == command
