"""Photographs that stay in their pack as JPEGs, from files of any size to predictions."""

import contextlib
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from harness_tree import Killed, content, die_after
from PIL import Image
from toy_experiment import run_toy

import lifelong
from lifelong import store
from lifelong.data.streamed import Streamed
from lifelong.use.load import finished_model

TASKS = [
    {"name": "lines", "group": "lines", "crop": 10, "dataset": "photos"},
    {"name": "shades", "group": "shades", "dataset": "photos"},
]
CHANGES = {
    "tasks": TASKS,
    "goals": {"policy": "given", "given": {"lines": 0.5, "shades": 0.5}},
    "recipe": {"batch_size": 8, "flip": True, "cutout": 3}
    | {"resized_crop": {"scale": [0.5, 1.0], "ratio": [0.75, 1.3333333333333333]}},
}
SET = {"source": "image_folder", "image_size": 12, "resize": "short_side", "store": "jpeg"}


@pytest.fixture(scope="module")
def raw(tmp_path_factory) -> Path:
    """Two groups of two classes of photographs: stripes along or across, dark or light."""
    root, random = tmp_path_factory.mktemp("photos") / "raw", np.random.default_rng(0)
    for split, count in (("train", 24), ("test", 6)):
        for name in ("lines/along", "lines/across", "shades/dark", "shades/light"):
            group, of = name.split("/")
            folder = root / group / split / of
            folder.mkdir(parents=True)
            for number in range(count):
                pixels = random.integers(0, 60, (20, 24 + number, 3)) + 140 * (of == "light")
                rows = slice(None), slice(None, None, 6)
                pixels[rows if of == "along" else rows[::-1]] += 90 * (group == "lines")
                Image.fromarray(pixels.astype(np.uint8)).save(folder / f"{number:02}.jpg")
    return root


def run(folder: Path, raw: Path, memory_mb: float | None, **set_changes) -> Path:
    photos = {**SET, "root": str(raw), **set_changes}
    photos |= {} if memory_mb is None else {"memory_mb": memory_mb}
    return run_toy(folder, ["packnet"], datasets={"photos": photos}, **CHANGES)


@pytest.fixture(scope="module")
def results(raw, tmp_path_factory):
    return run(tmp_path_factory.mktemp("streamed"), raw, 0)


def test_images_in_their_pack_teach_what_images_in_memory_do(results, raw, tmp_path):
    in_memory = run(tmp_path, raw, None)
    for shard in sorted((in_memory / "packnet").rglob("shard.h5")):
        assert shard.read_bytes() == (results / shard.relative_to(in_memory)).read_bytes()


def test_killed_inside_an_epoch_it_goes_on_to_the_same_bytes(raw, tmp_path, monkeypatch):
    """With windows of two batches, so that it goes on in the middle of an epoch's windows."""
    monkeypatch.setattr(Streamed, "window", lambda self, size: 2 * size)
    monkeypatch.setattr(Streamed, "block", lambda self: 3)
    whole = run(tmp_path / "whole", raw, 0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("lifelong.work.resume.SAVE_EVERY_S", 0.0)
        patch.setattr("lifelong.work.resume.SHARE_OF_TIME", 1.0)
        for steps in (3, 8):  # an epoch has five
            with pytest.MonkeyPatch.context() as dying, contextlib.suppress(Killed):
                die_after(dying, steps)
                run(tmp_path / "killed", raw, 0)
                pytest.fail("the run was never killed")
            (saved,) = (tmp_path / "killed").rglob(".resume*/*.h5")
            assert json.loads(store.read_attrs(saved)["facts"])["step"] % 5 > 0
    again = run(tmp_path / "killed", raw, 0)
    assert content(again / "packnet") == content(whole / "packnet")


@pytest.mark.parametrize("position", [1, 2])
def test_a_picture_counts_as_infer_saw_it(results, raw, position):
    folder = results / "packnet" / "s0"
    model, _ = finished_model(folder)
    card = model.shards[position - 1].card
    assert card.framing == {"resize": "short_side", "quality": 90}
    pictures = [
        p for name in card.classes for p in sorted((raw / card.task / "test" / name).iterdir())
    ]
    (infer,) = folder.glob("02-*/infer")
    expected = torch.from_numpy(store.read_arrays(infer / "logits.h5")[0][f"{position:03d}"])
    answers = lifelong.load(folder)[card.task].predict(pictures)
    for answer, logits in zip(answers, expected, strict=True):
        wanted = pytest.approx(logits.softmax(0).tolist(), abs=1e-6)  # of other batches
        assert answer.probabilities.tolist() == wanted
