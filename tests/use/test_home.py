"""What a configuration says is looked for where the experiment ran, wherever one asks from."""

import os
import shutil
from pathlib import Path

import pytest
import yaml
from PIL import Image
from toy_experiment import toy_config

from lifelong.cli import main
from lifelong.use.home import at_home

PUBLISHED = "method,task,accuracy_percent\nindividual,average,70\n"
FILES = ["--configfile", "toy.yaml"]


@pytest.fixture(scope="module")
def ran(tmp_path_factory) -> Path:
    """A folder with pictures, published numbers, a configuration and its results."""
    folder = tmp_path_factory.mktemp("ran")
    for split in ("train", "test"):
        for level, name in enumerate(("dark", "light")):
            place = folder / "raw" / split / name
            place.mkdir(parents=True)
            for number in range(6):
                Image.new("L", (8, 8), 200 * level + number).save(place / f"{number}.png")
    (folder / "numbers.csv").write_text(PUBLISHED)
    config = toy_config(
        ["scratch"],
        datasets={"drawn": {"source": "image_folder", "root": "raw", "image_size": 8}},
        tasks=[{"name": "shade", "dataset": "drawn", "classes": ["dark", "light"]}],
        published="numbers.csv",
        goals={},
    )
    (folder / "toy.yaml").write_text(yaml.safe_dump(config))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        assert main(["run", *FILES]) == 0
    return folder


@pytest.fixture
def here(ran, tmp_path, monkeypatch) -> Path:
    """A copy of it; the working folder is the one above."""
    monkeypatch.chdir(tmp_path)
    return Path(shutil.copytree(ran, tmp_path / "here"))


def verified(
    results: str | Path, capsys: pytest.CaptureFixture[str], file: str | Path
) -> list[str]:
    main(["verify", "--quiet", str(results), "--configfile", str(file)])
    return capsys.readouterr().out.splitlines()


def results_of(here: Path) -> Path:
    [base] = (here / "results").iterdir()
    return base


def test_sound_results_are_sound_from_any_folder(here, capsys, monkeypatch):
    base, file = results_of(here), here / "toy.yaml"
    for place in (here.parent, here, here / "results", base, here / "raw"):
        monkeypatch.chdir(place)
        for results in (base, os.path.relpath(base)):
            assert verified(results, capsys, file) == []
            assert main(["clean", str(results), "--configfile", str(file), "--yes"]) == 0
            assert "nothing to remove" in capsys.readouterr().err
    assert not (here / "raw/.snakemake").exists()


def test_pictures_are_looked_at_where_they_lie(here, capsys, monkeypatch):
    """Others of their name in the working folder are no reason, theirs are."""
    base, file = results_of(here), here / "toy.yaml"
    shutil.copytree(here / "raw", "raw", copy_function=shutil.copy)
    Image.new("L", (8, 8), 9).save("raw/train/dark/0.png")
    assert verified(base, capsys, file) == []
    Image.new("L", (8, 8), 9).save(here / "raw/train/dark/0.png")
    [line] = verified("here" / base.relative_to(here), capsys, file)
    assert line.startswith(f"stale  here/{base.relative_to(here)}/pack_data/drawn/manifest.json")
    assert line.endswith(f"cd {here} && lifelong run --configfile toy.yaml")


def test_moved_results_are_sound_where_they_are(here, capsys):
    """With their pictures they are an experiment of that folder."""
    base = results_of(here)
    moved = shutil.copytree(base, f"backup/2026/{base.name}")
    shutil.copytree(here / "raw", "backup/raw")
    for name in ("numbers.csv", "toy.yaml"):
        shutil.copy(here / name, "backup")
    assert verified(moved, capsys, "backup/toy.yaml") == []


def test_a_folder_that_is_not_there_is_said_so(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    with at_home(Path("a/b/c/d"), ()) as home:
        assert home.is_here and home.results == Path("a/b/c/d")
