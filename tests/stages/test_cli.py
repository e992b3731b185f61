"""The command line on an experiment of seconds: two tasks of digits, the first must grow."""

import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import lifelong
from lifelong import store
from lifelong.cli import main
from lifelong.jobs import driver
from lifelong.jobs.find import find_stage
from lifelong.plan.config import load
from lifelong.plan.errors import UserError
from lifelong.plan.overview import TABLES
from lifelong.plan.plan import Plan
from lifelong.plan.stage import Key, Stage

CONFIG = """
experiment: tiny
methods: [packnet, cpg]
datasets: {digits: {source: digits, channels: 1}}
tasks:
  - {name: a, classes: [0, 1]}
  - {name: b, classes: [2, 3]}
network: {name: small_cnn, channels: 0.25}
goals: {given: {b: 1.0}}
recipe: {crop_padding: 1, flip: false}
baseline: {epochs: 1, repetitions: 1}
train: {epochs: 1, lr: 1.0e-4, min_train_accuracy: 1.0}
prune: {ratios: [0.6], epochs: 1, min_train_accuracy: 0.0}
retrain: {epochs: 1}
"""
DECIDING = re.compile(r"/(goals|select|tables|report)$")
CPG = "results/tiny/cpg/s0"


@pytest.fixture(scope="module")
def experiment(tmp_path_factory) -> Path:
    """A folder in which `lifelong run` has run once."""
    folder = tmp_path_factory.mktemp("experiment")
    (folder / "config.yaml").write_text(CONFIG)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        assert main(["run"]) == 0
    return folder


@pytest.fixture
def here(experiment, monkeypatch) -> Path:
    monkeypatch.chdir(experiment)
    return experiment


@pytest.fixture
def empty(tmp_path, monkeypatch) -> Path:
    """A folder with the configuration and no results."""
    (tmp_path / "config.yaml").write_text(CONFIG)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def bytes_of(folder: Path, *patterns: str) -> dict[str, bytes]:
    files = [path for pattern in patterns for path in sorted(folder.glob(pattern))]
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def started(text: str) -> list[str]:
    """The folders of the stages that a command ran, in order."""
    return [line for line in text.splitlines() if line.startswith("results/")]


def failed(command: list[str], capsys) -> str:
    """What a command that must fail prints."""
    assert main(command) == 1
    error = capsys.readouterr().err
    assert "Traceback" not in error
    assert re.search(r"^Error: \S.*$", error, re.MULTILINE)
    return error


def test_a_run_ends_with_tables_and_a_report(here):
    base = here / "results/tiny"
    assert {path.stem for path in (base / "tables").glob("*.csv")} == set(TABLES)
    assert (base / "report/index.html").is_file()
    assert (base / "packnet/s0/02-b/infer/manifest.json").is_file()
    assert (base / "scratch/s0/01-a/baseline/manifest.json").is_file()  # for the goal of a
    assert not (base / "scratch/s0/02-b").exists()  # the goal of b is given
    summary = (base / "tables/summary.csv").read_text().splitlines()
    assert [line.split(",")[0] for line in summary] == ["method", "packnet", "cpg"]


def test_a_task_that_misses_its_goal_grows_and_goes_on_from_the_last_attempt(here):
    assert Path(CPG, "01-a/expand/a1/candidate.h5").is_file()
    assert not Path(CPG, "01-a/expand/a2").exists()  # the first attempt is at the cap
    assert not Path(CPG, "02-b/expand").exists()  # so is the next task from its start
    plan = Plan(load([Path("config.yaml")]))
    stage = find_stage(plan, f"{CPG}/01-a/prune/record.csv")
    assert stage.input("candidate") == f"{CPG}/01-a/expand/a1/candidate.h5"
    manifest = store.read_manifest(Path(stage.folder))
    assert stage.input("candidate") in manifest["inputs"]
    packnet = find_stage(plan, "results/tiny/packnet/s0/01-a/prune/record.csv")
    assert packnet.input("candidate").endswith("/train/candidate.h5")


def test_a_second_run_only_decides_again(here, capsys):
    before = bytes_of(here, "results/tiny/*/s0/*/*/manifest.json", "results/tiny/tables/*.csv")
    assert main(["run"]) == 0
    ran = started(capsys.readouterr().err)
    assert ran and all(DECIDING.search(folder) for folder in ran)
    after = bytes_of(here, "results/tiny/*/s0/*/*/manifest.json", "results/tiny/tables/*.csv")
    assert after == before


def test_a_run_in_two_parts_gives_the_same_bytes(experiment, empty, capsys):
    (empty / "config.yaml").write_text(CONFIG)
    assert main(["run", "--task-limit", "1", "--methods", "cpg"]) == 0
    assert not list(empty.glob("results/tiny/*/s0/02-b"))
    assert not (empty / "results/tiny/packnet").exists()
    capsys.readouterr()
    assert main(["run", "--methods", "cpg"]) == 0
    again = [folder for folder in started(capsys.readouterr().err) if "01-a" in folder]
    assert not again
    files = ("results/tiny/cpg/s0/*/*/*.h5", "results/tiny/cpg/s0/*/*/record.csv")
    found = bytes_of(empty, *files)
    assert len(found) > 10
    assert found == bytes_of(experiment, *files)


def test_a_stage_that_ends_says_its_result_and_time(here, capsys):
    path = f"{CPG}/01-a/select/selected.json"
    assert main(["stage", path]) == 0
    folder, said = capsys.readouterr().err.splitlines()
    assert folder == f"{CPG}/01-a/select"
    assert re.fullmatch(
        r"  ratio [\d.]+, accuracy [\d.]+, goal [\d.]+ (met|missed).*; \d\.\d s", said
    )


def test_a_stage_is_done_until_its_spec_inputs_or_files_change(here):
    plan = Plan(load([Path("config.yaml")]))
    stage = plan.stage(Key("infer", "packnet", 0, 2))

    def is_done(stage: Stage) -> bool:
        return driver.is_done(stage, lambda path: True)

    assert is_done(stage)
    assert not is_done(replace(stage, spec=replace(stage.spec, seed=1)))
    assert not is_done(replace(stage, inputs={**stage.inputs, "extra": "config.yaml"}))
    assert not is_done(replace(stage, folder="results/tiny/nowhere"))
    for name in ("logits.h5", stage.input("before")):
        path = Path(name if "/" in name else stage.path(name))
        kept = path.read_bytes()
        path.unlink()
        assert not is_done(stage)
        path.write_bytes(kept)
    assert is_done(stage)
    before = Path(stage.input("before"))
    kept = before.read_bytes()
    before.write_bytes(kept + b"x")
    assert not is_done(stage)
    before.write_bytes(kept)


@pytest.mark.parametrize(
    "file",
    ["pack_data/digits/pack.h5", "cpg/s0/02-b/select/selected.json", "tables/summary.csv"],
)
def test_one_stage_is_run_again_by_the_name_of_its_file(here, capsys, file):
    path = Path("results/tiny", file)
    before = path.read_bytes()
    path.unlink()
    assert main(["stage", str(path.absolute())]) == 0
    assert started(capsys.readouterr().err) == [str(path.parent)]
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("file", "word"),
    [
        ("pack_data/digits/pack.h5", None),
        ("packnet/s0/01-a/train/manifest.json", "results/tiny/pack_data/digits/pack.h5"),
        ("cpg/s0/02-b/prune/record.csv", "results/tiny/cpg/s0/02-b/goals/goal.json"),
        ("cpg/s0/02-b/infer/logits.h5", "results/tiny/pack_data/digits/pack.h5"),
        ("tables/size.csv", "results/tiny/packnet/s0/01-a/train/record.csv"),
    ],
)
def test_a_stage_whose_inputs_are_missing_names_the_first(empty, capsys, file, word):
    if word is None:
        assert main(["stage", f"results/tiny/{file}"]) == 0
        return
    assert word in failed(["stage", f"results/tiny/{file}"], capsys)
    assert not list(empty.glob("results/**/manifest.json"))


@pytest.mark.parametrize(
    "path",
    [
        "results/other/cpg/s0/01-a/train/manifest.json",
        "results/tiny/cpg/s0/03-c/train/manifest.json",
        "results/tiny/cpg/s0/01-b/train/manifest.json",
        "results/tiny/cpg/s0/01-a/baseline/manifest.json",
        "results/tiny/packnet/s0/01-a/expand/a1/manifest.json",
        "results/tiny/cpg/s0/01-a/expand/manifest.json",
        "results/tiny/dgr/s0/01-a/train/manifest.json",
        "elsewhere/tiny/cpg/s0/01-a/train/manifest.json",
        "config.yaml",
    ],
)
def test_a_file_that_no_stage_writes_is_named(here, capsys, path):
    assert f"writes {path}: " in failed(["stage", path], capsys)


def test_a_stage_that_fails_does_not_look_done(here, monkeypatch):
    stage = Plan(load([Path("config.yaml")])).stage(Key("infer", "packnet", 0, 1))
    manifest = Path(stage.path("manifest.json"))
    kept = manifest.read_bytes()

    def broken(_: object) -> None:
        raise UserError("no")

    monkeypatch.setattr(driver, "execute", broken)
    with pytest.raises(UserError):
        driver.run_stage(stage)
    assert not manifest.exists()
    manifest.write_bytes(kept)


@pytest.fixture
def picture(tmp_path) -> Iterator[Path]:
    path = tmp_path / "two.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (20, 30), np.uint8)).save(path)
    yield path


def test_pictures_are_classified_with_probabilities(here, capsys, picture):
    assert main(["infer", "--model", CPG, "--task", "b", str(picture), "--top", "5"]) == 0
    said = capsys.readouterr()
    instead = f"lifelong predict {CPG} PICTURES --whole --top 5 --tasks b"
    assert said.err == f"Note: `lifelong infer` will go, use `{instead}`\n"
    rows = [line.split("\t") for line in said.out.splitlines()]
    assert [row[0] for row in rows] == [str(picture)] * 2
    assert {row[1] for row in rows} == {"2", "3"}
    best, other = (float(row[2]) for row in rows)
    assert best >= other and best + other == pytest.approx(1, abs=1e-3)
    assert all(re.fullmatch(r"[01]\.\d{4}", row[2]) for row in rows)
    assert main(["infer", "--model", CPG, "--task", "b", str(picture)]) == 0
    assert capsys.readouterr().out.splitlines() == ["\t".join(rows[0])]


def test_a_picture_of_a_pack_gets_the_logits_that_infer_wrote(here, capsys, tmp_path):
    pack, attrs = store.read_arrays(Path("results/tiny/pack_data/digits/pack.h5"))
    wanted = [attrs["classes"].index(name) for name in ("2", "3")]
    first = np.flatnonzero((pack["split"] == 2) & np.isin(pack["labels"], wanted))[0]
    Image.fromarray(pack["images"][first, 0]).save(tmp_path / "first.png")
    found, _ = store.read_arrays(Path(f"{CPG}/02-b/infer/logits.h5"))
    logits = found["002"][0].astype(float)
    shares = np.exp(logits) / np.exp(logits).sum()
    command = ["infer", "--model", CPG, "--task", "b", str(tmp_path / "first.png")]
    assert main(command) == 0
    said = capsys.readouterr()
    assert f"use `lifelong predict {CPG} PICTURES --whole --top 1 --tasks b`" in said.err
    _, name, probability = said.out.split()
    assert name == ("2", "3")[int(shares.argmax())]
    assert float(probability) == pytest.approx(shares.max(), abs=1e-4)


def test_a_broken_picture_is_named_and_the_others_are_done(here, capsys, picture, tmp_path):
    broken, absent = tmp_path / "broken.png", tmp_path / "absent.png"
    broken.write_bytes(picture.read_bytes()[:60])
    pictures = [str(broken), str(picture), str(absent)]
    assert main(["infer", "--model", CPG, "--task", "a", *pictures]) == 1
    said = capsys.readouterr()
    assert said.out.startswith(f"{picture}\t") and len(said.out.splitlines()) == 1
    errors = said.err.splitlines()
    assert [path in line for path, line in zip((str(broken), str(absent)), errors, strict=True)]
    assert all(line.startswith("Error: ") for line in errors)


def test_an_unknown_task_lists_those_there_are(here, capsys, picture):
    error = failed(["infer", "--model", CPG, "--task", "z", str(picture)], capsys)
    assert "'z'" in error and "a, b" in error


def test_a_folder_without_a_model_is_named(here, capsys, picture):
    error = failed(["infer", "--model", "results", "--task", "a", str(picture)], capsys)
    assert "results holds no finished model" in error


def test_files_lie_over_the_configuration_of_the_working_folder(empty, capsys):
    (empty / "over.yaml").write_text("train: {epoch: 3}\n")
    assert "'epoch'" in failed(["run", "--configfile", "over.yaml"], capsys)
    assert "'cpgg'" in failed(["run", "--methods", "packnet,cpgg"], capsys)
    assert "absent.yaml" in failed(["run", "--configfile", "absent.yaml"], capsys)
    (empty / "config.yaml").unlink()
    assert "config.yaml" in failed(["run"], capsys)
    assert not (empty / "results").exists()


@pytest.mark.parametrize("value", ["0", "-1", "two"])
def test_a_count_is_a_whole_number_from_one(value, capsys):
    with pytest.raises(SystemExit) as end:
        main(["run", "--task-limit", value])
    assert end.value.code == 2
    assert value in capsys.readouterr().err


def test_ctrl_c_ends_without_a_traceback(empty, monkeypatch, capsys):
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(driver, "run_experiment", interrupted)
    assert main(["run"]) == 130
    assert (
        capsys.readouterr().err
        == "stopped; the same command goes on; what trains is saved every minute\n"
    )


def test_it_runs_as_a_module():
    command = [sys.executable, "-m", "lifelong", "--version"]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    assert run.stdout == f"lifelong {lifelong.__version__}\n"


def test_show_prints_the_summary_and_where_the_report_is(here, capsys):
    folder = Path(CPG).parents[1]
    assert main(["show", str(folder)]) == 0
    printed = capsys.readouterr().out
    assert "accuracy_mean %" in printed and str(folder / "report" / "index.html") in printed
    assert main(["show", "results/nothing"]) == 1
    assert "results/nothing" in capsys.readouterr().err
