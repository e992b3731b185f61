"""Experiments on faces: their jobs, their layouts, and a small run of the small one."""

import re
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml
from face_trees import (
    draw_adience,
    draw_affectnet,
    draw_lfw,
    draw_orl,
    draw_splits,
    draw_utkface,
)
from workflow_tree import TREE, ran, snakemake

from lifelong.data.pack import read_pairs, read_task
from lifelong.faces.adience import AGES
from lifelong.faces.align import TEMPLATE
from lifelong.faces.detect import Faces
from lifelong.faces.tables import AGE_GROUPS, EMOTIONS
from lifelong.faces.trees import EXPRESSIONS
from lifelong.jobs.runner import execute
from lifelong.plan.config import check, load
from lifelong.plan.plan import Plan
from lifelong.records.rows import read
from lifelong.stages import align_faces

GENDERS = ("female", "male", "other")
ADIENCE = tuple(f"({low}, {high})" for low, high in AGES)
UTK = tuple(f"{low}-{high}" for low, high in AGE_GROUPS)
NAMES = ("faces_real_small", "faces_cpg", "faces_pae_adience", "faces_pae_emotion")
SMALL = {
    "methods": ["cpg"],
    "network": {"channels": 0.0625},
    "goals": {"policy": "given", "given": {}},
    "train": {"epochs": 1},
    "prune": {"ratios": [0.5], "epochs": 1, "min_train_accuracy": 0.0},
    "retrain": {"epochs": 1},
    "expand": {"cap": 1.0},
}


class Finder:
    """Finds one face in every picture, in the same place."""

    name = "a finder"

    def __init__(self, device: str) -> None:
        pass

    def detect(self, images: list[Any]) -> list[Faces]:
        one = Faces(TEMPLATE[[0, 4]].reshape(1, 4) / 5, TEMPLATE[0, :1] / 100, TEMPLATE[None] / 5)
        return [one for _ in images]


@pytest.fixture
def experiments(workflow: Path) -> Path:
    shutil.copy(TREE / "config.yaml", workflow)
    shutil.copytree(TREE / "experiments", workflow / "experiments")
    return workflow


def draw_real_small(data: Path) -> None:
    draw_orl(data / "orl_faces")
    draw_utkface(data / "utkface64", (1, 5, 10, 15, 30, 40, 50, 70), each=3)
    draw_splits(data / "fer2013", ("train", "validation", "test"), EXPRESSIONS, each=3)
    draw_lfw(data / "lfw64")


def draw_cpg(data: Path) -> None:
    verification = data / "face_verification"
    draw_orl(verification / "train")
    draw_lfw(verification)
    (verification / "images").rename(verification / "val")
    (verification / "pairs.txt").rename(verification / "lfw_pairs.txt")
    sets = (("gender", GENDERS), ("emotion", tuple("0123456")), ("age0", tuple("01234567")))
    for name, classes in sets:
        draw_splits(data / name, ("train", "val"), classes, each=3)


def draw_pae(data: Path) -> None:
    draw_orl(data / "vggface2" / "train")
    draw_lfw(data / "lfw")
    for person in (data / "lfw" / "images").iterdir():
        person.rename(data / "lfw" / person.name)
    (data / "lfw" / "images").rmdir()


def draw_pae_adience(data: Path) -> None:
    draw_pae(data)
    draw_adience(data / "adience")


def draw_pae_emotion(data: Path) -> None:
    draw_pae(data)
    draw_affectnet(data / "affectnet")
    draw_splits(data / "fotw", ("train", "val"), GENDERS, each=3)


PEOPLE = ("s1", "s2", "s3")
CASES = {
    "faces_real_small": (
        draw_real_small,
        {"orl": PEOPLE, "gender": ("male", "female"), "expression": EXPRESSIONS, "age": UTK},
    ),
    "faces_cpg": (
        draw_cpg,
        {"face": PEOPLE, "gender": GENDERS, "emotion": tuple("0123456"), "age": tuple("01234567")},
    ),
    "faces_pae_adience": (
        draw_pae_adience,
        {"vggface2": PEOPLE, "age": ADIENCE, "gender": ("m", "f")},
    ),
    "faces_pae_emotion": (
        draw_pae_emotion,
        {"vggface2": PEOPLE, "emotion": EMOTIONS, "gender": GENDERS},
    ),
}


@pytest.mark.parametrize("name", NAMES)
def test_an_experiment_packs_the_trees_it_names(name, tmp_path, monkeypatch):
    draw, classes = CASES[name]
    draw(tmp_path / "data")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(align_faces, "Detector", Finder)
    config = load([TREE / "experiments" / f"{name}.yaml"])
    for dataset in config["datasets"].values():
        if "align" in dataset:
            dataset["align"]["shards"] = 2
    plan = Plan(check(config))
    assert {task["dataset"] for task in config["tasks"]} == set(classes)
    for dataset in config["datasets"]:
        for stage in [*plan.align_stages(dataset), plan.pack_stage(dataset)]:
            execute(stage)
        pack = Path(plan.paths.pack(dataset))
        if dataset == "lfw":
            assert len(read_pairs(pack)[1]) == 8
        else:
            task = read_task(pack, None, None)
            assert task.classes == classes[dataset] and set(task.split.tolist()) == {0, 1, 2}


@pytest.mark.parametrize("name", NAMES)
def test_an_experiment_has_its_jobs_before_any_photograph_is_read(name, experiments):
    said = snakemake(experiments, "-n", "--configfile", f"experiments/{name}.yaml")
    stats = said.partition("Job stats:\n")[2].partition("\n\n")[0]
    counts = {rule: int(count) for rule, count in re.findall(r"^(\w+) +(\d+)$", stats, re.M)}
    config = load([TREE / "experiments" / f"{name}.yaml"])
    tasks, methods = len(config["tasks"]), config["methods"]
    sharing = tasks * sum(method not in ("scratch", "finetune") for method in methods)
    shards = sum(one["align"]["shards"] for one in config["datasets"].values() if "align" in one)
    expected = dict.fromkeys(("train", "prune", "select", "retrain"), sharing)
    expected |= {"align_faces": shards} if shards else {}
    expected |= {"pack_data": len(config["datasets"]), "baseline": 2 * tasks}
    expected |= {"goals": tasks * len({"pae", "cpg"} & set(methods))}
    expected |= {"infer": tasks * len(methods), "tables": 1, "report": 1, "all": 1}
    assert counts.pop("total") == sum(expected.values())
    assert counts == expected


def test_the_small_experiment_runs_on_few_small_pictures(experiments):
    draw_real_small(experiments / "data")
    config = yaml.safe_load((TREE / "experiments" / "faces_real_small.yaml").read_text())
    given = {task["name"]: 0.0 for task in config["tasks"]}
    small = SMALL | {"goals": {"policy": "given", "given": given}}
    small |= {"datasets": {name: {"image_size": 24} for name in config["datasets"]}}
    (experiments / "small.yaml").write_text(yaml.safe_dump(small))
    files = ("--configfile", "experiments/faces_real_small.yaml", "small.yaml")
    found = ran(experiments, *files)
    tasks = ("01-identity", "02-gender", "03-expression", "04-age")
    assert {f"cpg/{task}/infer" for task in tasks} < found and "tables" in found
    model = experiments / "results/faces_real_small/cpg/s0"
    record = {row.metric: row.value for row in read(model / "01-identity/infer/record.csv")}
    assert 0 <= record["verification_accuracy"] <= 1 and "verification_tar" in record
    assert len(read(model / "04-age/infer/record.csv")) == 4
    assert "Nothing to be done" in snakemake(experiments, *files)
