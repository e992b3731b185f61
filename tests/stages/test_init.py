"""From a folder of pictures to an experiment that runs as it is written."""

import contextlib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from PIL import Image

from lifelong.cli import main
from lifelong.jobs.find import outdated
from lifelong.plan.config import check, load
from lifelong.plan.plan import Plan
from lifelong.plan.remarks import remarks
from lifelong.use import init
from lifelong.use.init import experiment, look

GROUPS = {"wet land": ("NA", "010"), "dry": ("stone", "sand")}


def draw(folder: Path, count: int, level: int, side: int = 12, colour: bool = False) -> None:
    """Pictures of one class: noise about a level."""
    folder.mkdir(parents=True)
    random = np.random.default_rng(level)
    for number in range(count):
        pixels = random.integers(level, level + 60, (side, side, 3) if colour else (side, side))
        Image.fromarray(pixels.astype(np.uint8)).save(folder / f"{number}.png")


@pytest.fixture
def photos(tmp_path):
    for group, classes in GROUPS.items():
        for place, name in enumerate(classes):
            draw(tmp_path / "photos" / group / name, 30, 120 * place)
    with contextlib.chdir(tmp_path):
        yield tmp_path


def test_names_with_a_number_sign_are_written_as_they_are(photos, capsys):
    (photos / "photos/dry").rename(photos / "photos/dry # 1")
    (photos / "photos").rename(photos / "a # b")
    assert main(["init", "a # b", "--output", "own.yaml"]) == 0
    config = load([photos / "own.yaml"])
    assert [one["root"] for one in config["datasets"].values()] == [
        "a # b/dry # 1",
        "a # b/wet land",
    ]
    assert [task["dataset"] for task in config["tasks"]] == ["dry_1", "wet_land"]


def test_a_folder_whose_accents_are_written_apart_is_found(photos, capsys):
    """As disks of a Mac have them; the task's name is in one piece."""
    (photos / "photos/dry").rename(photos / "photos/cafe\u0301")
    assert main(["init", "photos"]) == 0
    config = load([photos / "photos.yaml"])
    assert all(Path(one["root"]).is_dir() for one in config["datasets"].values())


@pytest.mark.parametrize(
    ("folder", "name"), [("Vögel", "Vogel"), ("été 24", "ete_24"), ("花", "task1"), ("_a", "a")]
)
def test_a_task_is_named_in_plain_letters(folder, name):
    assert init._names({folder: ()}) == {folder: name}


def test_the_experiment_runs_as_it_is_written(photos, capsys):
    assert main(["init", "photos"]) == 0
    said = capsys.readouterr().out
    assert "lifelong run --configfile photos.yaml" in said and "task wet_land: 3" in said
    given = yaml.safe_load(Path("photos.yaml").read_text())
    dry, wet = given["datasets"].values()
    assert dry | {"root": "photos/wet land"} == wet and dry["image_size"] == 12
    assert given["experiment"] == "photos" and dry["channels"] == 1
    assert given["network"]["name"] == "small_cnn"
    assert given["tasks"] == [{"name": name, "dataset": name} for name in ("dry", "wet_land")]
    assert load([Path("photos.yaml")])["train"]["epochs"] == 100
    few = {"train": {"epochs": 12}, "baseline": {"epochs": 12}, "methods": ["scratch", "cpg"]}
    Path("few.yaml").write_text(yaml.safe_dump(few))
    assert main(["run", "--configfile", "photos.yaml", "few.yaml"]) == 0
    summary = pd.read_csv("results/photos/tables/summary.csv")
    assert list(summary["tasks"]) == [2, 2] and (summary["accuracy_mean"] > 0.8).all()
    draw(photos / "photos/new/grass", 30, 0)  # a task arrives: what was learned stays
    draw(photos / "photos/new/moss", 30, 120)
    given = load([Path("photos.yaml"), Path("few.yaml")])
    given["datasets"]["new"] = given["datasets"]["dry"] | {"root": "photos/new"}
    given["tasks"].append({"name": "new", "dataset": "new"})
    wrong = {stage.folder.name for stage in outdated(Plan(check(given)))}
    assert wrong == {"tables", "report"}


@pytest.mark.parametrize(
    ("side", "image_size", "input_size"), [(40, 40, 96), (120, 120, 0), (400, 160, 0)]
)
def test_pictures_in_colour_get_weights_that_have_seen_imagenet(
    tmp_path, side, image_size, input_size
):
    for number in range(2):
        draw(tmp_path / f"c{number}", 12, number, side=side, colour=True)
    seen = look(tmp_path, from_scratch=False)
    assert (seen.network, seen.side, seen.input_size) == (
        "efficientnet_lite0",
        image_size,
        input_size,
    )
    text = experiment(Path("photos"), "photos", seen, step_s=0.1)
    given = yaml.safe_load(text)
    config = check(given)
    assert config["methods"] == ["probe"] and config["ground"]["pretrained"] == seen.network
    assert config["network"].get("input_size", 0) == input_size
    assert all("smaller ones cost accuracy" in one for one in remarks(config, given))
    assert all(len(line) < 120 for line in text.splitlines())


def test_nobody_has_to_take_them(photos, capsys, monkeypatch):
    for number in range(2):
        draw(Path("colours") / f"c{number}", 12, number, side=40, colour=True)
    monkeypatch.setattr("lifelong.use.init.importlib.util.find_spec", lambda name: None)
    assert main(["init", "colours"]) == 0
    said = capsys.readouterr().out
    assert "vgg16_bn on 32x32" in said and "pip install 'lifelong[pretrained]'" in said
    assert main(["init", "colours", "--force", "--from-scratch"]) == 0
    assert "pip install" not in capsys.readouterr().out


def test_a_file_that_is_there_stays_unless_told(photos, capsys):
    Path("mine.yaml").write_text("mine")
    assert main(["init", "photos", "--output", "mine.yaml"]) == 1
    assert "add --force" in capsys.readouterr().err and Path("mine.yaml").read_text() == "mine"
    assert main(["init", "photos", "--output", "mine.yaml", "--force"]) == 0
    assert yaml.safe_load(Path("mine.yaml").read_text())["experiment"] == "mine"


def test_many_classes_without_groups_become_tasks_of_ten_at_most(tmp_path):
    for number in range(23):
        draw(tmp_path / f"c{number:02d}", 12, number, side=40, colour=True)
    seen = look(tmp_path)
    assert [len(task.classes or ()) for task in seen.tasks] == [8, 8, 7]
    assert (seen.channels, seen.side, seen.network) == (3, 32, "vgg16_bn")
    assert seen.tasks[2].classes == tuple(f"c{number:02d}" for number in range(16, 23))


@pytest.mark.parametrize(
    ("folder", "says"),
    [
        ("absent", "there is no folder absent"),
        ("photos/dry/sand", "holds no folders"),
        ("alone", "task part of alone has one class: it needs two"),
        ("alone/part", "task all of alone/part has one class: it needs two"),
        ("spelled", "spelled/Test looks like a split: call it train, test or val, in small"),
    ],
)
def test_a_folder_without_classes_is_named(photos, capsys, folder, says):
    draw(photos / "alone/part/one", 12, 0)
    for split in ("Train", "Test"):
        for name in ("one", "other"):
            draw(photos / "spelled" / split / name, 3, 0)
    assert main(["init", folder]) == 1
    assert says in capsys.readouterr().err
