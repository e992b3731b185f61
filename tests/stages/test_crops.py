"""A task that sees the centre of its images, from the configuration to a picture of one's own."""

import dataclasses

import numpy as np
import pytest
import torch
from PIL import Image
from toy_experiment import CLASSES, run_toy

import lifelong
from lifelong import store
from lifelong.data.pack import read_task
from lifelong.masks.layout import part_from, to_arrays
from lifelong.use.load import finished_model

CROP = 6
TASKS = [{"name": name, "classes": of, "crop": CROP} for name, of in list(CLASSES.items())[:2]]
del TASKS[1]["crop"]


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    goals = {"policy": "given", "given": {task["name"]: 0.5 for task in TASKS}}
    folder = tmp_path_factory.mktemp("crops")
    return run_toy(folder, ["scratch", "cpg"], tasks=TASKS, goals=goals)


@pytest.mark.parametrize("method", ["scratch", "cpg"])
def test_the_test_split_is_judged_by_its_centre(results, method):
    model, _ = finished_model(results / method / "s0")
    assert [part.card.crop for part in model.shards] == [CROP, 0]
    card, network = model.shards[0].card, model.view(1)
    assert card.image_size == 8
    task = read_task(results / "pack_data" / "digits" / "pack.h5", ["0", "6"], None)
    images = torch.from_numpy(task.images[task.split == 2][:, :, 1:7, 1:7].copy())
    mean, std = (torch.tensor(values).view(1, -1, 1, 1) for values in (card.mean, card.std))
    with torch.inference_mode():
        expected = network((images.float() / 255 - mean) / std).numpy()
    found, _ = store.read_arrays(results / method / "s0" / "01-zero_six" / "infer" / "logits.h5")
    np.testing.assert_allclose(found["001"], expected, atol=1e-5)
    right = expected.argmax(1) == task.labels[task.split == 2]
    assert right.mean() > 0.85


def test_a_picture_counts_by_its_centre(results, tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (8, 8), np.uint8)
    framed = pixels.copy()
    framed[[0, -1]] = framed[:, [0, -1]] = 255
    for name, one in (("a.png", pixels), ("b.png", framed)):
        Image.fromarray(one).save(tmp_path / name)
    pictures = [tmp_path / "a.png", tmp_path / "b.png"]
    model = lifelong.load(results / "cpg" / "s0")
    for task, same in (("zero_six", True), ("one_three_eight_nine", False)):
        first, second = model[task].predict(pictures)
        assert first.probabilities.equal(second.probabilities) == same


def test_shards_written_before_there_were_crops_see_whole_images(results):
    model, _ = finished_model(results / "scratch" / "s0")
    arrays, attrs = to_arrays(model.shards[0])
    del attrs["card"]["crop"]
    card = part_from(arrays, attrs).card
    assert card == dataclasses.replace(model.shards[0].card, crop=0)
