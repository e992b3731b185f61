"""The plain baseline learns what our loop learns, leaves old weights alone, and the table runs."""

import csv
import importlib
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest
import torch

from lifelong.data.batches import TaskData, TrainBatches
from lifelong.data.device_split import Split, eval_batches
from lifelong.masks.learner import Learner
from lifelong.masks.model import Model
from lifelong.masks.pick import SCORE_START
from lifelong.optim.phase import Phase
from lifelong.train.loop import fit
from lifelong.train.step import mask_step

FOLDER = Path(__file__).parents[2] / "benchmarks"
CHANNELS, IMAGES, DECAY = 0.03125, 96, 0.5


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The measuring module; its `Reference` is the baseline. Decay is strong enough to be seen."""
    monkeypatch.syspath_prepend(str(FOLDER))
    monkeypatch.setattr(importlib.import_module("reference"), "DECAY", DECAY)
    return importlib.import_module("reference_loop")


def toy_data() -> TaskData:
    generator = torch.Generator().manual_seed(3)
    images = torch.randint(256, (IMAGES, 3, 32, 32), generator=generator, dtype=torch.uint8)
    split = Split(images, torch.randint(5, (IMAGES,), generator=generator))
    return TaskData(split, split, split, tuple("01234"), (0.5,) * 3, (0.25,) * 3, "validation")


def still(rate: float, mask_rate: float) -> Phase:
    """One epoch whose batches are the images as they are."""
    return Phase(1, rate, mask_lr=mask_rate, weight_decay=DECAY, crop_padding=0, flip=False)


def start(bench: ModuleType, later: bool, trained: bool = False) -> tuple[Learner, object]:
    """A learner and the baseline that begins where it is, all old weights picked."""
    base = bench.older(CHANNELS) if later else Model()
    learner = Learner(base, bench.card(1 + later, CHANNELS), seed=5)
    if trained:
        phase = still(bench.LR, 0.0)
        fit(mask_step(learner, phase), toy_data(), phase, seed=6)
    return learner, bench.Reference(learner, base.owners)


def batches(data: TaskData, learner: Learner, seed: int) -> TrainBatches:
    return data.batches(still(0.0, 0.0), seed, learner.network.form)


def agree(learner: Learner, reference: object) -> None:
    """Every tensor of the network, the effective weights among them, to float precision."""
    state = reference.network.state_dict().items()
    found = {name.replace(".layer.", "."): tensor for name, tensor in state}
    for name, masked in reference.layers.items():
        found[f"body.{name}.weight"] = masked.effective().detach()
    for name, tensor in learner.network.state_dict().items():
        torch.testing.assert_close(tensor, found[name], msg=lambda text, name=name: name + text)


@pytest.mark.parametrize("later", [False, True])
def test_the_baseline_steps_as_our_loop(bench: ModuleType, later: bool) -> None:
    data = toy_data()
    learner, reference = start(bench, later)
    before = {name: masked.effective().clone() for name, masked in reference.layers.items()}
    reference.start(pruning=False)
    for x, y in batches(data, learner, seed=7).epoch(0):
        reference.step(x, y)
    phase = still(bench.LR, bench.MASK_LR)
    fit(mask_step(learner, phase), data, phase, seed=7)
    agree(learner, reference)
    reference.check_old()
    for name, masked in reference.layers.items():
        assert not torch.equal(masked.effective(), before[name])
        if later:
            assert (masked.score[masked.owner == 2] == SCORE_START).all()
            assert (masked.score[masked.owner == 1] != SCORE_START).any()


@pytest.mark.parametrize("later", [False, True])
def test_the_baseline_prunes_as_our_loop(bench: ModuleType, later: bool) -> None:
    data = toy_data()
    learner, reference = start(bench, later, trained=True)
    reference.start(pruning=True)
    learner.prune_to(0.3)
    reference.prune_to(0.3)
    reference.validate(list(eval_batches(data.deciding, data.mean, data.std)))
    counts = learner.counts()
    assert counts["free"] == pytest.approx(0.3 * (counts["free"] + counts["owned"]), abs=20)
    assert reference.in_use() == (counts["total"] - counts["free"]) / counts["total"]
    reference.network.train()
    for x, y in batches(data, learner, seed=8).epoch(0):
        reference.step(x, y)
    phase = still(bench.PRUNE_LR, 0.0)
    fit(mask_step(learner, phase), data, phase, seed=8)
    agree(learner, reference)
    reference.check_old()
    assert not later or all((m.score == SCORE_START).all() for m in reference.layers.values())


def test_moved_old_weights_are_found(bench: ModuleType) -> None:
    _, reference = start(bench, later=True)
    reference.check_old()
    masked = reference.layers["features.0"]
    with torch.no_grad():
        masked.layer.weight[masked.owner == 2] += 1.0
        reference.check_old()
        masked.layer.weight[masked.owner == 1] *= 1.001
    with pytest.raises(AssertionError, match="old weights have moved"):
        reference.check_old()


def test_loaders_and_the_pack_show_the_same_images(bench: ModuleType, tmp_path: Path) -> None:
    root = bench.tree(tmp_path, quick=True)
    facts, data = bench.packed(root)
    assert facts["packing_cpu_s"] >= 0 and len(data.train.labels) == 360
    _, test = bench.loaders(root, bench.GROUP, data.mean, data.std)
    ((images, labels),) = test
    ((x, y),) = eval_batches(data.deciding, data.mean, data.std)
    torch.testing.assert_close(images, x)
    assert torch.equal(labels, y)


def test_reference_loop_runs(tmp_path: Path) -> None:
    command = [sys.executable, str(FOLDER / "reference_loop.py"), "--quick", "--out", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    with (tmp_path / "reference_loop.csv").open() as file:
        rows = list(csv.DictReader(file))
    epochs = ["first finetune", "later finetune", "later prune"]
    assert [row["epoch"] for row in rows] == [name for name in epochs for _ in range(2)]
    assert [row["variant"] for row in rows] == ["reference", "ours"] * 3
    assert all(float(row["cpu_s"]) > 0 and row["met"] == "" for row in rows)
    assert all(float(row["ratio"]) == 1.0 for row in rows[::2])
    with (tmp_path / "reference_loop_step.csv").open() as file:
        parts = {row["part"]: float(row["cpu_ms"]) for row in csv.DictReader(file)}
    assert list(parts) == ["batches", "counters", "save due", "all of these", "whole step"]
    assert parts["whole step"] > parts["all of these"] > 0
