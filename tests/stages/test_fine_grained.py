"""The experiment on ImageNet and five fine-grained sets, on tiny copies in the official layouts."""

from pathlib import Path

import official_trees as trees
import pandas as pd
import pytest
from toy_experiment import contextlib, run_experiment

from lifelong.plan.config import check
from lifelong.plan.plan import Plan
from lifelong.plan.reading import read

FILE = Path(__file__).parents[2] / "experiments" / "fine_grained_6.yaml"
FEW = {"epochs": 1, "lr": 0.01}
SMALL = {"network": {"name": "small_cnn", "channels": 0.125}, "methods": ["packnet"]}
SMALL |= {"goals": {"policy": "given", "given": {}}, "variants": {}}


@pytest.fixture
def data(tmp_path):
    trees.folders(tmp_path / "data/imagenet", "val", ("n01440764", "n01443537"), 8, "JPEG")
    trees.cubs(tmp_path / "data/CUB_200_2011", 16)
    trees.cars(tmp_path / "data/stanford_cars", 8)
    trees.flowers(tmp_path / "data/flowers102", [1, 2, 3, 4], [5, 6], [7, 8])
    trees.folders(tmp_path / "data/wikiart", "test", ("Monet", "Renoir"), 8, "jpg")
    trees.folders(tmp_path / "data/sketches", "test", ("airplane", "zebra"), 8, "png")
    return tmp_path


def test_it_runs_on_all_six_sets(data, monkeypatch):
    """As configured, but for the network, fewer epochs, and sides of 16 and 14 pixels."""
    config = read(FILE)
    for dataset in config["datasets"].values():
        dataset["image_size"] = 16 if dataset["image_size"] == 256 else 14
        if "validation" in dataset:
            dataset["validation"] = 0.34
    for task in config["tasks"]:
        task |= {"crop": 14} if "crop" in task else {}
    config["recipe"] |= {"cutout": 3, "batch_size": 4}
    config["prune"] |= {**FEW, "ratios": [0.5], "window": 1, "every": 1}
    config["train"] |= FEW
    config["retrain"] |= FEW
    config |= SMALL | {"published": str(FILE.parent / "published/fine_grained_6.csv")}
    config["goals"]["given"] = {task["name"]: 0.1 for task in config["tasks"]}
    with contextlib.chdir(data):
        run_experiment(Plan(check(config)))
    accuracy = pd.read_csv(data / "results/fine_grained_6/tables/accuracy.csv")
    assert set(accuracy["task"]) == {task["name"] for task in config["tasks"]}
    published = pd.read_csv(data / "results/fine_grained_6/tables/published.csv")
    assert {"CPG", "PackNet"} <= set(published["method"])
