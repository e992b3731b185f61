"""The commands that make files again, as they are typed."""

# ruff: noqa: E501 - one case a line, as in a table

import json
import shlex

import pytest

from lifelong.plan.advice import advised, command_of, snakemake, snakemake_as
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
    monkeypatch.chdir(tmp_path)  # as Snakemake does
    typed = ["--cores", "4", "-s", "../Snakefile", "-d", "work"]
    command = snakemake_as(typed, ["/a/b.yaml"], {"x": 1}, "/a/Snakefile")
    start = f"snakemake --cores 4 --snakefile /a/Snakefile --directory {tmp_path}"
    assert command == f"{start} --configfile /a/b.yaml --config x=1"
    said = advised(DamagedFile("x/c", "is damaged"), command)
    assert said == f"x/c is damaged; make it again: rm {tmp_path}/x/c && {command}"


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
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    assert snakemake(["a.yaml"], folder="..").startswith(f"cd {tmp_path} && snakemake ")
    assert snakemake(["a.yaml"], folder="../here") == "snakemake --cores 2 --configfile a.yaml"
    monkeypatch.chdir(tmp_path)
    assert snakemake(["here/a.yaml"], folder="here").startswith("cd here && snakemake --cores 2 ")
    assert snakemake(["here/a.yaml"], folder="here").endswith(" --configfile a.yaml")
    folder = tmp_path / "here/inside/results/e/cpg/s0/01-x/train"
    folder.mkdir(parents=True)
    (folder / "timing.json").write_text(json.dumps({"command": "run"}))
    wrote = "inside/results/e/cpg/s0/01-x/train"  # as seen from where a workflow imports ours
    (folder / "manifest.json").write_text(json.dumps({"folder": wrote}))
    assert command_of(folder / "candidate.h5") == "cd here && run"
    monkeypatch.chdir(tmp_path / "here")
    assert command_of(folder / "candidate.h5") == "run"


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
