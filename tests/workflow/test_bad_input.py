"""What a user sees who makes a mistake: command lines of Snakemake in a copy of the workflow.

Many more mistakes, in one process: tests/bad_input.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from PIL import Image
from workflow_tree import jobs, snakemake, write_config

from lifelong import store

TINY: dict[str, Any] = {
    "experiment": "tiny",
    "methods": ["packnet"],
    "datasets": {"digits": {"source": "digits", "channels": 1}},
    "tasks": [{"name": "a", "classes": [0, 1]}, {"name": "b", "classes": [2, 3]}],
    "network": {"name": "small_cnn", "channels": 0.25},
    "recipe": {"crop_padding": 1, "flip": False},
    "train": {"epochs": 1},
    "retrain": {"epochs": 1},
}
PICTURES = {
    "datasets": {
        "shapes": {"source": "image_folder", "root": "raw", "image_size": 8, "channels": 1}
    },
    "tasks": [{"name": "a", "classes": ["dark", "light"]}],
}
PACK = "results/tiny/pack_data/shapes/pack.h5"


def refused(folder: Path, config: dict[str, Any], *arguments: str) -> str:
    """What Snakemake prints when it refuses; there is no traceback and nothing looks finished."""
    write_config(folder, TINY | config)
    said = snakemake(folder, *arguments, succeeds=False)
    assert "Traceback" not in said
    return said


def assert_nothing_looks_finished(folder: Path) -> None:
    left = [p.name for p in folder.glob("results/**/*") if p.is_file() and p.name != "log.txt"]
    assert not left


def draw(folder: Path, per_class: int = 10, colour: bool = False) -> None:
    """Pictures of two classes, dark and light, for training and test."""
    rng = np.random.default_rng(0)
    for split in ("train", "test"):
        for name, low in (("dark", 0), ("light", 128)):
            place = folder / "raw" / split / name
            place.mkdir(parents=True)
            for i in range(per_class):
                pixels = rng.integers(low, low + 128, (8, 8, 3) if colour else (8, 8), np.uint8)
                Image.fromarray(pixels).save(place / f"{i}.png")


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"train": {"epoch": 5}}, ("train", "'epoch'")),
        ({"methods": ["cpgg"]}, ("methods.0", "'cpgg'")),
        (
            {"tasks": [{"name": f"t{i}", "classes": [0, 1]} for i in range(255)]},
            ("tasks", "255", "254"),
        ),
    ],
    ids=["unknown key", "unknown method", "255 tasks"],
)
def test_a_wrong_key_is_named_before_any_job_starts(workflow, config, words):
    said = refused(workflow, config)
    for word in words:
        assert word in said
    assert "rule " not in said
    assert not (workflow / "results").exists()


def test_a_dry_run_refuses_too(workflow):
    said = refused(workflow, {"goals": {"given": {"z": 0.9}}}, "-n")
    assert "goals.given" in said and "'z'" in said
    assert not (workflow / "results").exists()


@pytest.mark.parametrize(
    "folder", ["packnet/s0/03-c/train", "cpgg/s0/01-a/train", "packnet/s7/01-a/train"]
)
def test_a_file_of_a_task_method_or_seed_that_is_not_there_is_refused(workflow, folder):
    file = f"results/tiny/{folder}/manifest.json"
    said = refused(workflow, {}, "-n", file)
    assert "No rule to produce" in said and file in said


def test_a_missing_folder_is_named(workflow):
    assert "raw" in refused(workflow, PICTURES, PACK)
    assert_nothing_looks_finished(workflow)


def test_a_class_without_pictures_is_named(workflow):
    draw(workflow)
    for picture in (workflow / "raw/test/light").iterdir():
        picture.unlink()
    assert "raw/test/light holds no pictures" in refused(workflow, PICTURES, PACK)
    assert_nothing_looks_finished(workflow)


def test_a_truncated_picture_is_named_and_no_pack_is_written(workflow):
    draw(workflow)
    broken = workflow / "raw/train/dark/3.png"
    broken.write_bytes(broken.read_bytes()[:-30])
    assert "raw/train/dark/3.png cannot be read" in refused(workflow, PICTURES, PACK)
    assert_nothing_looks_finished(workflow)


def test_colour_for_one_channel_is_refused(workflow):
    draw(workflow, colour=True)
    said = refused(workflow, PICTURES, PACK)
    assert "raw/train/dark/0.png is in colour: set channels to 3" in said
    assert_nothing_looks_finished(workflow)


def test_a_checkpoint_of_another_run_is_refused_by_name(workflow):
    write_config(workflow, TINY | {"seeds": [0, 1]})
    command = [sys.executable, "-m", "lifelong", "run"]
    subprocess.run(command, cwd=workflow, check=True, capture_output=True)
    packnet = workflow / "results/tiny/packnet"
    for name in ("shard.h5", "manifest.json"):
        shutil.copy(packnet / "s1/02-b/retrain" / name, packnet / "s0/02-b/retrain" / name)
    target = "results/tiny/packnet/s0/02-b/infer/record.csv"
    said = refused(workflow, {"seeds": [0, 1]}, "--rerun-triggers", "mtime", "--", target)
    assert "rule train" not in said
    assert "packnet/s0/02-b/retrain/shard.h5 does not belong there" in said
    assert not (workflow / target).exists()
    assert not (workflow / target).with_name("manifest.json").exists()


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("seeds: [0]\nseeds: [1]", ("config.yaml", "'seeds' is given twice")),
        ("published: none.csv", ("published", "none.csv cannot be read")),
        ("train: &a [*a]", ("circle",)),
        ("seeds: !!python/object/apply:os.system ['touch pwned']", ("not valid",)),
        (
            "__use_yte__: true\npublished: ?__import__('os').system('touch pwned')",
            ("config.yaml: __use_yte__",),
        ),
    ],
    ids=["key twice", "published missing", "circle", "tag that would run code", "template"],
)
def test_a_wrong_line_of_the_configuration_is_refused(workflow, line, words):
    write_config(workflow, {key: value for key, value in TINY.items() if key != "train"})
    with (workflow / "config.yaml").open("a") as file:
        file.write(f"{line}\n")
    said = snakemake(workflow, "-n", succeeds=False)
    assert "Traceback" not in said
    assert all(word in said for word in words), said
    assert not (workflow / "pwned").exists() and not (workflow / "results").exists()


def test_a_file_with_tasks_of_its_own_needs_a_name_and_takes_nothing_from_config_yaml(workflow):
    write_config(workflow, TINY | {"prune": {"ratios": [0.1, 0.2]}})
    (workflow / "mine.yaml").write_text("tasks: [{name: a, dataset: digits, classes: [0, 1]}]\n")
    said = snakemake(workflow, "-n", "--configfile", "mine.yaml", succeeds=False)
    assert "Traceback" not in said and "name it, such as experiment: mine" in said
    mine = {key: TINY[key] for key in ("datasets", "tasks", "network")} | {"experiment": "mine"}
    (workflow / "mine.yaml").write_text(yaml.safe_dump(mine | {"methods": ["cpg"]}))
    said = snakemake(workflow, "-n", "-p", "--printshellcmds", "--configfile", "mine.yaml")
    assert "results/mine/cpg/s0/01-a/prune" in said and "results/tiny" not in said


def test_a_picture_more_is_packed_and_learned_and_nothing_else_runs(workflow):
    draw(workflow)
    settled = TINY | PICTURES | {"methods": ["scratch"], "baseline": {"epochs": 1}}
    digits = {"name": "b", "dataset": "digits", "classes": [2, 3]}
    pictures = {"dataset": "shapes", **PICTURES["tasks"][0]}
    settled |= {"datasets": TINY["datasets"] | PICTURES["datasets"], "tasks": [pictures, digits]}
    write_config(workflow, settled)
    snakemake(workflow, "--cores", "2")
    assert "Nothing to be done" in snakemake(workflow, "-n")
    picture = workflow / "raw/train/dark/0.png"
    shutil.copy2(picture, picture.with_name("10.png"))
    again = jobs(snakemake(workflow, "-n"))
    changed = {"scratch/01-a/baseline", "scratch/01-a/infer", "scratch/02-b/infer"}
    assert again == {"pack_data", *changed, "tables", "report", "all"}
    (workflow / "raw").rename(workflow / "moved")
    assert "scratch/02-b/baseline" not in jobs(snakemake(workflow, "-n"))


def test_numbers_in_lists_and_mappings_of_the_command_line_are_numbers(workflow):
    write_config(workflow, TINY)
    options = ("--config", "seeds=[3,4]", "train={lr: 0.1, epochs: 2}")
    said = snakemake(workflow, "-n", *options)
    assert {f"results/tiny/packnet/s{seed}" in said for seed in (3, 4)} == {True}


def test_a_target_that_is_read_as_a_configuration_is_named(workflow):
    (workflow / "results/tiny/tables").mkdir(parents=True)
    target = "results/tiny/tables/manifest.json"
    (workflow / target).write_text('{"files": {}}')
    write_config(workflow, TINY)
    said = snakemake(workflow, "-n", "--configfile", "config.yaml", target, succeeds=False)
    assert "Traceback" not in said
    assert f"{target} is no configuration: --configfile takes every word" in said


def test_the_hint_for_a_text_on_the_command_line_asks_for_no_quotes(workflow):
    write_config(workflow, TINY)
    said = snakemake(workflow, "-n", "--config", "experiment='5'", succeeds=False)
    assert "config key experiment: 5 is not of type 'string'; --config drops quotes" in said


def test_names_that_a_shell_would_run_are_only_names(workflow):
    draw(workflow)
    odd = ["$(touch pwned)", "-rf 'quoted\" `touch pwned`;"]
    for split in ("train", "test"):
        for old, new in zip(("dark", "light"), odd, strict=True):
            folder = (workflow / "raw" / split / old).rename(workflow / "raw" / split / new)
            (folder / "0.png").rename(folder / "$(touch pwned)\n.png")
            os.rename(folder / "1.png", os.fsencode(folder) + b"/\xff.png")
    (workflow / "raw").rename(workflow / "$(touch pwned) raw")
    config = TINY | PICTURES | {"tasks": [{"name": "a", "classes": odd}]}
    config["datasets"] = {"shapes": config["datasets"]["shapes"] | {"root": "$(touch pwned) raw"}}
    write_config(workflow, config)
    snakemake(workflow, PACK, "results/tiny/packnet/s0/01-a/train/manifest.json")
    assert store.read_attrs(workflow / PACK)["classes"] == sorted(odd)
    assert not list(workflow.rglob("pwned"))


def test_a_damaged_goal_is_named(again):
    goal = "results/tiny/cpg/s0/02-y/goals/goal.json"
    (again / goal).write_text("{}")
    target = "results/tiny/cpg/s0/02-y/prune/manifest.json"
    said = snakemake(again, "--rerun-triggers", "mtime", "--", target, succeeds=False)
    assert f"{goal} is damaged (no number 'goal')" in said
    assert "KeyError" not in said  # Snakemake itself adds where in the rules it was
