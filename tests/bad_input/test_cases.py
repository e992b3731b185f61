"""Every wrong input gives one clear message, and nothing is written or lost."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from bad_input.case import CONFIG, IMAGES, Case, draw, write_config
from bad_input.tables import PAGE, TABLES, page
from PIL import Image

from lifelong.cli import main
from lifelong.jobs import driver

MAKE = "make it again: "
CASES = [case for cases in TABLES.values() for case in cases]


@pytest.fixture(scope="module")
def finished(tmp_path_factory) -> Path:
    """A folder in which the experiment has run, and a picture."""
    folder = tmp_path_factory.mktemp("finished")
    write_config(folder, CONFIG)
    Image.fromarray(np.zeros((8, 8), np.uint8)).save(folder / "picture.png")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        assert main(["run"]) == 0
    return folder


@pytest.fixture
def place(request, finished, tmp_path, monkeypatch) -> Path:
    """The working folder of a case, before anything is wrong."""
    folder = tmp_path / "here"
    if request.param == "finished":
        shutil.copytree(finished, folder)
    else:
        folder.mkdir()
        write_config(folder, IMAGES if request.param == "pictures" else CONFIG)
    if request.param == "pictures":
        draw(folder)
    monkeypatch.chdir(folder)
    return folder


def content(folder: Path) -> dict[str, bytes]:
    """Every file but logs."""
    files = [
        path
        for path in folder.rglob("*")
        if path.is_file() and path.name not in ("log.txt", "timing.json", "times.svg")
    ]
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def message(case: Case, said: str) -> str:
    """The one message on stderr; beside it only the folders of stages that were begun."""
    assert "Traceback" not in said and "Logging error" not in said
    if case.code == 2:
        return said.rstrip().rpartition("error: ")[2]
    lines = [line for line in said.splitlines() if not re.match("results/[!-~]+$", line)]
    assert len(lines) == 1 and lines[0].startswith("Error: "), said
    return lines[0].removeprefix("Error: ")


@pytest.mark.parametrize(
    ("place", "case"),
    [pytest.param(case.start, case, id=case.wrong) for case in CASES],
    indirect=["place"],
)
def test_one_clear_message_and_nothing_written_or_lost(place, case, capsys):
    case.make(place)
    before = content(place)
    try:
        code = main([*case.command])
    except SystemExit as end:
        code = end.code
    said = capsys.readouterr()
    assert code == case.code
    found = message(case, said.err)
    assert case.fits(found), found
    assert said.out == "" and found.isprintable()
    after = content(place)
    if case.command[:1] == ("stage",):  # a stage that is begun counts as undone
        own = f"{case.command[1].rpartition('/')[0]}/manifest.json"
        if own not in after:
            before.pop(own, None)
    assert after == before
    assert not (place / "pwned").exists()


def removed_as_told(said: str) -> str:
    """Remove what an error says; returns the command that it names last."""
    assert MAKE in said, said
    *removing, again = said.rstrip().rpartition(MAKE)[2].split(" && ")
    for command in removing:
        subprocess.run(command, shell=True, check=True)
    return again


@pytest.mark.parametrize("place", ["finished"], indirect=True)
def test_what_the_messages_advise_makes_everything_whole_again(
    place, finished, capsys, monkeypatch
):
    """Once for every set of files that is left changed after what is wrong has been removed."""
    whole = content(place)
    real, proven = driver.run_stage, set()
    advising = [case for case in TABLES["Files under results/"] if "remove the" not in case.do]

    def run_stage(stage, threads=1):
        if stage.kind not in ("tables", "report") or "tables" in str(changed):
            real(stage, threads)

    monkeypatch.setattr(driver, "run_stage", run_stage)
    for case in advising:
        case.make(place)
        main([*case.command])
        again = removed_as_told(capsys.readouterr().err)
        assert again == "lifelong run"
        here = content(place)
        changed = frozenset(name for name in whole if here.get(name) != whole[name])
        if changed not in proven:
            for _ in range(2):  # two files are wrong at most
                if main(["run"]):
                    removed_as_told(capsys.readouterr().err)
            assert content(place) == whole, case.wrong
            proven.add(changed)
        shutil.rmtree(place / "results")
        shutil.copytree(finished / "results", place / "results")
    assert len(proven) > 10


def test_the_cases_are_many_and_each_is_named_once():
    names = [case.wrong for case in CASES]
    assert len(names) > 150 and len(set(names)) == len(names)
    assert all(case.says and case.do for case in CASES)


def test_the_page_is_up_to_date():
    assert PAGE.read_text() == page(), "run python tests/bad_input/tables.py"


@pytest.mark.parametrize("place", ["config"], indirect=True)
@pytest.mark.parametrize(
    ("number", "words"),
    [(28, "no space left"), (122, "no space left"), (30, "cannot write"), (13, "cannot write")],
    ids=["disk full", "quota", "read-only disk", "no right"],
)
def test_a_disk_that_takes_no_more_leaves_nothing_half_written(
    place, monkeypatch, capsys, number, words
):
    def refused(handle: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr("os.fsync", refused)
    assert main(["stage", "results/tiny/pack_data/digits/pack.h5"]) == 1
    said = capsys.readouterr().err
    assert f"Error: {words}" in said and "pack.h5" in said and "Traceback" not in said
    assert list(content(place)) == ["config.yaml"]


@pytest.mark.parametrize("place", ["pictures"], indirect=True)
def test_a_folder_that_may_not_be_read_is_named(place, monkeypatch, capsys):
    real = Path.iterdir

    def iterdir(path: Path):
        if path.name == "dark":
            raise PermissionError(13, "Permission denied", str(path))
        return real(path)

    monkeypatch.setattr(Path, "iterdir", iterdir)
    assert main(["stage", "results/tiny/pack_data/shapes/pack.h5"]) == 1
    wanted = "Error: cannot read the folder raw/train/dark: Permission denied"
    assert wanted in capsys.readouterr().err.splitlines()


@pytest.mark.parametrize("place", ["pictures"], indirect=True)
def test_a_group_of_one_class_is_refused(place, capsys):
    for split in ("train", "test"):
        shutil.rmtree(place / "raw" / split / "light")
    write_config(place, IMAGES | {"tasks": [{"name": "a"}], "methods": ["packnet"]})
    assert main(["run"]) == 1
    assert "'a' has only the class dark: a task needs two" in capsys.readouterr().err
    assert not list(place.glob("results/tiny/packnet/**/manifest.json"))
