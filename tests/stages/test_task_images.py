"""Which images the stages of a task see: drawn, changed and normalised as its experiment says."""

import contextlib

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from toy_experiment import run_toy, toy_plan

from lifelong.cli import main
from lifelong.plan.stage import Key
from lifelong.records.rows import read
from lifelong.stages import pack_data
from lifelong.work.shards import read_model
from lifelong.work.work import load_task

CHANGES = {
    "seeds": [0, 1],
    "datasets": {
        "digits": {
            "source": "digits",
            "channels": 1,
            "draw": {"train": 12, "validation": 5},
            "normalise": "own_split",
        }
    },
    "tasks": [
        {"name": "zero_six", "classes": [0, 6], "noise": {"mean": 0.1, "std": 0.1}},
        {"name": "four_five", "classes": [4, 5], "draw": {"train": 20, "seed": "shared"}},
    ],
    "goals": {},
}
METHODS = ["scratch", "packnet"]


@pytest.fixture
def seen(tmp_path, monkeypatch):
    """A function: the images of a task as a stage of a method and seed has them."""
    monkeypatch.chdir(tmp_path)
    plan = toy_plan(METHODS, **CHANGES)
    pack_data.run(plan.pack_stage("digits"))

    def task(position: int, method: str = "packnet", seed: int = 0, kind: str = "infer"):
        stage = plan.stage(Key(kind, method, seed, 2 if kind == "infer" else position))
        data = stage.spec.data
        data = data[position - 1] if kind == "infer" else data
        return load_task(stage, data, "cpu")

    return task


def alike(first, second):
    return all(
        torch.equal(getattr(first, name).images, getattr(second, name).images)
        for name in ("train", "deciding", "test")
    )


def test_methods_and_stages_of_a_seed_see_the_same_images(seen):
    for position in (1, 2):
        here = seen(position)
        assert alike(here, seen(position, "scratch", kind="baseline"))
        assert alike(here, seen(position, kind="train"))
        assert (here.train.mean, here.test.std) == (
            seen(position, kind="retrain").train.mean,
            seen(position, "scratch").test.std,
        )


def test_runs_see_other_images_unless_the_draw_is_shared(seen):
    first, other = seen(1), seen(1, seed=1)
    assert len(first.train.labels) == 24 and len(first.deciding.labels) == 10
    assert not torch.equal(first.train.images, other.train.images)
    assert not torch.equal(first.test.images, other.test.images)  # other noise
    shared, again = seen(2), seen(2, seed=1)
    assert len(shared.train.labels) == 40 and alike(shared, again)
    assert len(shared.deciding.labels) > 40  # all there are


def test_infer_measures_what_its_images_and_statistics_give(tmp_path):
    """Against logits of the final model on test images that are normalised here."""
    results = run_toy(tmp_path, ["packnet"], **CHANGES | {"seeds": [0]})
    plan = toy_plan(["packnet"], **CHANGES | {"seeds": [0]})
    run = results / "packnet/s0"
    shards = [run / name / "retrain/shard.h5" for name in ("01-zero_six", "02-four_five")]
    model = read_model(shards)
    stage = plan.stage(Key("infer", "packnet", 0, 2))
    measured = {row.on_task: row.value for row in read(run / "02-four_five/infer/record.csv")}
    for position, data in enumerate(stage.spec.data, 1):
        with contextlib.chdir(tmp_path):
            test = load_task(stage, data, "cpu").test
        pixels = test.images.numpy() / 255
        x = torch.from_numpy((pixels - pixels.mean()) / pixels.std()).float()
        found = model.view(position, "cpu").eval()(x).argmax(1)
        assert measured[data["task"]] == float((found == test.labels).double().mean())
        assert model.shards[position - 1].card.mean != (float(np.mean(pixels)),)


@pytest.fixture(scope="module")
def coloured(tmp_path_factory):
    """Pictures of two classes that differ in which of red and blue is strong; a folder each."""
    root, random = tmp_path_factory.mktemp("coloured"), np.random.default_rng(0)
    for split, count in (("train", 40), ("test", 25)):
        for name, strong in (("red", 0), ("blue", 2)):
            folder = root / split / name
            folder.mkdir(parents=True)
            for number in range(count):
                pixels = random.integers(60, 160, (8, 8, 3))
                pixels[..., strong] += 40
                Image.fromarray(pixels.astype(np.uint8)).save(folder / f"{number:02d}.png")
    return root


@pytest.mark.parametrize("method", ["packnet", "stl"])
def test_pictures_are_shown_to_a_task_as_its_stage_showed_them(coloured, tmp_path, capsys, method):
    """`lifelong infer` on the test files is as accurate as the stage, whatever the task changes."""
    changes = {
        "datasets": {
            "pictures": {"source": "image_folder", "root": str(coloured), "image_size": 8}
        },
        "tasks": [
            {"name": "plain", "dataset": "pictures"},
            {"name": "turned", "dataset": "pictures", "channel_order": [2, 1, 0]}
            | {"noise": {"mean": 0.1, "std": 0.1}},
        ],
        "overlapping_classes": True,
        "goals": {},
        "layers": {"epochs": 30, "lr": 5e-3},
    }
    model = run_toy(tmp_path, [method], **changes) / method / "s0"
    measured = pd.read_csv(model / "02-turned" / "infer" / "record.csv").set_index("on_task")
    for task in ("plain", "turned"):
        right = 0
        for name in ("red", "blue"):
            files = [str(path) for path in sorted((coloured / "test" / name).iterdir())]
            assert main(["infer", "--model", str(model), "--task", task, *files]) == 0
            answers = [line.split("\t")[1] for line in capsys.readouterr().out.splitlines()]
            assert len(answers) == 25
            right += answers.count(name)
        assert right / 50 == pytest.approx(measured.loc[task, "value"], abs=1e-6)
        assert right / 50 > 0.9


@pytest.fixture(scope="module")
def rays_and_sharks(tmp_path_factory):
    """The two classes of a superclass of CIFAR-100 as a tree: bright to the left, to the right."""
    root, random = tmp_path_factory.mktemp("cifar"), np.random.default_rng(0)
    for split, count in (("train", 40), ("test", 25)):
        for name, columns in (("ray", slice(0, 16)), ("shark", slice(16, 32))):
            folder = root / split / "fish" / name
            folder.mkdir(parents=True)
            for number in range(count):
                pixels = random.integers(0, 200, (32, 32, 3))
                pixels[:, columns] += 55
                Image.fromarray(pixels.astype(np.uint8)).save(folder / f"{number:02d}.png")
    return root


def test_pixels_that_were_scrambled_while_learning_are_scrambled_in_use(
    rays_and_sharks, tmp_path, capsys
):
    cifar = {"source": "cifar100_folders", "root": str(rays_and_sharks)}
    changes = {
        "datasets": {"cifar": {**cifar, "pixel_order": "published"}},
        "tasks": [{"name": "fish", "classes": ["ray", "shark"]}],
        "goals": {},
    }
    model = run_toy(tmp_path, ["packnet"], **changes) / "packnet" / "s0"
    [row] = read(model / "01-fish" / "infer" / "record.csv")
    right = 0
    for name in ("ray", "shark"):
        files = [str(path) for path in sorted((rays_and_sharks / "test/fish" / name).iterdir())]
        assert main(["infer", "--model", str(model), "--task", "fish", *files]) == 0
        answers = [line.split("\t")[1] for line in capsys.readouterr().out.splitlines()]
        right += answers.count(name)
    assert right / 50 == pytest.approx(row.value, abs=1e-6) and row.value > 0.9
    plan = toy_plan(["packnet"], **changes)
    with contextlib.chdir(tmp_path):
        stage = plan.stage(Key("train", "packnet", 0, 1))
        scrambled = load_task(stage, stage.spec.data, "cpu").test.images
        plain = {name: v for name, v in stage.spec.data.items() if name != "pixel_order"}
        assert not torch.equal(load_task(stage, plain, "cpu").test.images, scrambled)
