"""The experiment on ImageNet and five fine-grained sets, on tiny copies in the official layouts."""

from pathlib import Path

import official_trees as trees
import pandas as pd
import pytest
import torch
from toy_experiment import contextlib, run_experiment

from lifelong.nets import build
from lifelong.plan.config import check
from lifelong.plan.networks import Architecture
from lifelong.plan.plan import Plan
from lifelong.plan.reading import read

FILE = Path(__file__).parents[2] / "experiments" / "fine_grained_6.yaml"
FEW = {"epochs": 1, "lr": 0.01}
NETWORK = {"name": "resnet18", "channels": 0.125}  # in place of ResNet-50
ROWS = {  # of the published table, and the method of each
    "Scratch": "scratch",
    "Finetune": "finetune_6",
    "ProgressiveNet": "progressive_6",
    "PackNet": "packnet",
    "Piggyback": "piggyback_6",
    "CPG": "cpg_6",
}


@pytest.fixture
def data(tmp_path):
    trees.folders(tmp_path / "data/imagenet", "val", ("n01440764", "n01443537"), 8, "JPEG")
    trees.cubs(tmp_path / "data/CUB_200_2011", 16)
    trees.cars(tmp_path / "data/stanford_cars", 8)
    trees.flowers(tmp_path / "data/flowers102", [1, 2, 3, 4], [5, 6], [7, 8])
    trees.folders(tmp_path / "data/wikiart", "test", ("Monet", "Renoir"), 8, "jpg")
    trees.folders(tmp_path / "data/sketches", "test", ("airplane", "zebra"), 8, "png")
    body = build(Architecture(NETWORK["name"], 3, 2, NETWORK["channels"], image_size=32)).body
    torch.save(body.state_dict(), tmp_path / "imagenet.pth")
    return tmp_path


def test_every_row_of_the_published_table_runs_on_all_six_sets(data, monkeypatch):
    """As configured, but for the network, fewer epochs, and sides of 36 and 32 pixels."""
    config = read(FILE)
    for dataset in config["datasets"].values():
        dataset["image_size"] = 36 if dataset["image_size"] == 256 else 32
        if "validation" in dataset:
            dataset["validation"] = 0.34
    for task in config["tasks"]:
        task |= {"crop": 32} if "crop" in task else {}
    config["recipe"] |= {"cutout": 3, "batch_size": 4}
    config["prune"] |= {**FEW, "ratios": [0.5], "window": 1, "every": 1}
    for section in ("baseline", "train", "retrain"):
        config[section] |= FEW
    config["goals"]["given"] = dict.fromkeys(config["goals"]["given"], 0.1)
    config |= {"network": NETWORK, "ground": {"pretrained": "imagenet.pth"}}
    config["published"] = str(FILE.parent / "published/fine_grained_6.csv")
    assert set(config["methods"]) == set(ROWS.values())
    with contextlib.chdir(data):
        run_experiment(Plan(check(config)))
    tables = data / "results/fine_grained_6/tables"
    accuracy = pd.read_csv(tables / "accuracy.csv")
    kept = accuracy.groupby(["method", "task"])["accuracy"].nunique()
    assert len(kept) == len(ROWS) * len(config["tasks"]) and (kept == 1).all()
    published = pd.read_csv(tables / "published.csv")
    ours = published.dropna(subset=["ours_percent"])
    assert set(ours["method"]) == set(ROWS)
