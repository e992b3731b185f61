"""A small model of faces and photographs for it, for the tests of `lifelong predict`."""

import contextlib
import json
from pathlib import Path

import numpy as np
import pytest
from face_trees import draw_orl, draw_splits, draw_utkface
from PIL import Image
from toy_experiment import toy_config

from lifelong.cli import main
from lifelong.faces.align import TEMPLATE
from lifelong.faces.detect import NO_FACES, Faces
from lifelong.jobs.driver import run_tasks
from lifelong.plan.config import check
from lifelong.plan.plan import Plan
from lifelong.stages import align_faces

SIDE = 24
OPTIONS = {"image_size": SIDE}
DATASETS = {
    "people": OPTIONS
    | {"source": "identity_folders", "root": "people", "align": {"preset": "facenet_160"}},
    "genders": OPTIONS
    | {"source": "utkface", "root": "utk", "labels": "gender", "prealigned": True},
    "moods": OPTIONS | {"source": "class_folders", "root": "moods", "prealigned": True},
}
TASKS = [
    {"name": "who", "dataset": "people"},
    {"name": "gender", "dataset": "genders"},
    {"name": "mood", "dataset": "moods"},
]
BOXES = np.array([(10.0, 20.0, 10.0 + SIDE, 20.0 + SIDE), (50.5, 30, 70, 65.25)])
MODEL = "results/toy/cpg/s0"


class Finder:
    """Two faces where the first pixel is white, none where it is black, else one."""

    name = "a finder"

    def __init__(self, device: str = "cpu") -> None:
        pass

    def detect(self, images):
        return [self._faces(image[0, 0].tolist()) for image in images]

    def _faces(self, corner: list[int]) -> Faces:
        count = {(0, 0, 0): 0, (255, 255, 255): 2}.get(tuple(corner), 1)
        points = np.stack([TEMPLATE] * count) if count else NO_FACES.landmarks
        return Faces(BOXES[:count], np.array([0.99, 0.75])[:count], points)


def learn(folder: Path) -> Path:
    """Learn three tasks of faces in a folder, the first aligned here; returns the folder."""
    draw_orl(folder / "people")
    draw_utkface(folder / "utk", (5, 30), each=6)
    draw_splits(folder / "moods", ("train", "val"), ("glad", "sad"), each=10)
    goals = {"policy": "given", "given": {"who": 0.1, "gender": 0.1, "mood": 0.1}}
    few = {"epochs": 2, "lr": 0.01}
    config = toy_config(["cpg"], datasets=DATASETS, tasks=TASKS, goals=goals)
    config |= {"train": few | {"min_train_accuracy": 0.0}, "baseline": few}
    with contextlib.chdir(folder), pytest.MonkeyPatch.context() as patch:
        patch.setattr(align_faces, "Detector", Finder)
        run_tasks(Plan(check(config)))
    return folder


def photo(path: Path, corner: int = 9, size: tuple[int, int] = (120, 80), mode: str = "RGB"):
    """A photograph of noise with a given first pixel."""
    noise = np.random.default_rng(len(path.name)).integers(1, 255, (size[1], size[0], 3), np.uint8)
    noise[0, 0] = corner
    Image.fromarray(noise).convert(mode).save(path)
    return path


def document(capsys, *command: object, code: int = 0) -> dict:
    """What `predict --json` prints."""
    capsys.readouterr()
    assert main(["predict", *map(str, command), "--json"]) == code
    return json.loads(capsys.readouterr().out)


def shares(face: dict, task: str) -> dict[str, float]:
    return {one["class"]: one["probability"] for one in face["tasks"][task]["classes"]}
