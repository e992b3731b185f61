"""Methods on pretrained weights: what every method must do, and what must not happen to these."""

import contextlib
import shutil
from pathlib import Path

import every_method
import numpy as np
import pandas as pd
import pytest
import torch
from harness_tree import Killed, content, die_after
from known_methods import GROUND_METHODS
from PIL import Image
from toy_experiment import TASKS, toy_config, toy_plan
from toy_ground import CHANGES, run_on_ground, run_whole_on_ground, write_ground

import lifelong
from lifelong import store
from lifelong.cli import main
from lifelong.data.splits import TEST
from lifelong.data.tasks import load_arrays
from lifelong.families.network_work import NetworkWork
from lifelong.jobs.find import find_stage
from lifelong.masks.ground import GROUND, owners_of
from lifelong.plan.errors import DamagedFile
from lifelong.plan.methods import METHODS
from lifelong.records.rows import read
from lifelong.use.load import finished_model
from lifelong.work.shards import load_ground, load_part

STANDING = [name for name in GROUND_METHODS if METHODS[name].pretrained == "ground"]


@pytest.fixture(scope="module")
def results(tmp_path_factory) -> Path:
    return run_whole_on_ground(tmp_path_factory.mktemp("ground"), GROUND_METHODS)


@pytest.mark.parametrize("method", GROUND_METHODS)
def test_learns_and_never_forgets(results, method):
    every_method.learns(results, method)
    every_method.never_forgets(results, method)


@pytest.mark.parametrize("method", GROUND_METHODS)
def test_a_model_is_read_from_its_folder(results, method):
    every_method.is_read_from_its_folder(results, method, list(TASKS))


@pytest.mark.parametrize("method", GROUND_METHODS)
def test_the_size_table_counts_the_ground_once(results, method):
    table = pd.read_csv(results / "tables" / "size.csv")
    table = table[table["method"] == method].set_index("task")
    _, paths = finished_model(results / method / "s0")
    ground = (results / "ground" / "ground.h5").stat().st_size
    stands = METHODS[method].pretrained == "ground"
    assert list(table["bytes_file"]) == [path.stat().st_size for path in paths]
    assert (table["bytes_ground"] == ground).all() if stands else table["bytes_ground"].isna().all()
    total = sum(path.stat().st_size for path in paths) + (ground if stands else 0)
    summary = every_method.summary_of(results, method)
    assert summary["size_mb"] == pytest.approx(total / 2**20, rel=1e-12)
    assert table["total_mb"].iloc[-1] == pytest.approx(total / 2**20, rel=1e-12)


@pytest.mark.parametrize("method", STANDING)
def test_the_ground_is_in_every_lineage_and_keeps_its_weights(results, method):
    path = results / "ground" / "ground.h5"
    base, digest = load_ground(path), store.digest(path)
    model, paths = finished_model(results / method / "s0")
    for shard in model.shards:
        assert shard.card.lineage[0] == digest and shard.card.ground["digest"] == digest
    for file in paths:  # what a task owns lies where the ground owns nothing
        part = load_part(file)
        for name, values in part.values.items():
            if values.size and part.shapes[name] == base.shapes[name]:
                weights = base.values[name].reshape(base.shapes[name])
                owners = owners_of(weights, part.card.ground["released"]).reshape(-1)
                assert not owners[part.places[name]].any()
    if not METHODS[method].alone:
        for name, shape in base.shapes.items():
            block = tuple(map(slice, shape))
            here = model.owners[name][block] == GROUND
            weights = base.values[name].reshape(shape)
            assert here.any() and np.array_equal(model.weights[name][block][here], weights[here])


def test_probe_is_short_and_shows_what_the_weights_know(results):
    base = load_ground(results / "ground" / "ground.h5")
    model, paths = finished_model(results / "probe" / "s0")
    for position, path in enumerate(paths, 1):
        part = load_part(path)
        assert set(part.dense) == {"head.weight", "head.bias"}
        assert not any(values.size for values in part.values.values())
        body = model.view(position).body.state_dict()
        for name, values in base.values.items():
            assert np.array_equal(body[f"{name}.weight"].numpy().reshape(-1), values)


def test_piggyback_writes_no_norm_again(results):
    for path in finished_model(results / "piggyback" / "s0")[1]:
        assert set(load_part(path).dense) == {"head.weight", "head.bias"}


def test_kept_features_change_no_bit(results, tmp_path):
    shutil.copy(results.parents[1] / "toy.pth", tmp_path)
    kept = sorted((results / "ground" / ".features").iterdir())
    assert len(kept) == 3 * len(TASKS)  # each image passed the network once
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("lifelong.work.features._read", lambda path: None)
        patch.setattr("lifelong.work.features._keep", lambda path, found: None)
        again = run_on_ground(tmp_path, ["probe"])
    assert content(again / "probe") == content(results / "probe")
    assert not (again / "ground" / ".features").exists()


@pytest.mark.parametrize("change", [{"crop_padding": 1}, {"cutout": 2}])
def test_a_probe_may_augment_its_images(results, tmp_path, change):
    shutil.copy(results.parents[1] / "toy.pth", tmp_path)
    own = {"probe": {"recipe": change, "baseline": {"epochs": 3}}}
    again = run_whole_on_ground(tmp_path, ["probe"], method_settings=own)
    assert every_method.summary_of(again, "probe")["accuracy_mean"] > 0.85


def test_a_task_that_was_exported_is_a_ground_too(results, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shutil.copy(results.parents[1] / "toy.pth", tmp_path)
    run = str(results / "finetune" / "s0")
    command = ["export", run, "--to", "safetensors", "--task", TASKS[0], "--output", "."]
    assert main(command) == 0
    again = run_on_ground(tmp_path, ["probe"], ground={"pretrained": f"{TASKS[0]}.safetensors"})
    base = load_ground(again / "ground" / "ground.h5")
    body = finished_model(results / "finetune" / "s0")[0].view(1).body.state_dict()
    for name, values in base.values.items():
        assert np.array_equal(values, body[f"{name}.weight"].numpy().reshape(-1))


def test_finetune_begins_with_the_weights(results, tmp_path):
    shutil.copy(results.parents[1] / "toy.pth", tmp_path)
    still = {"finetune": {"baseline": {"epochs": 1, "finetune_lr": 1e-12, "repetitions": 1}}}
    again = run_on_ground(tmp_path, ["finetune"], method_settings=still)
    base = load_ground(again / "ground" / "ground.h5")
    part = load_part(finished_model(again / "finetune" / "s0")[1][0])
    for name, values in base.values.items():
        assert np.allclose(part.values[name], values, atol=1e-7)


@pytest.mark.parametrize("method", ["probe", "cpg"])
def test_killed_and_run_again_gives_the_same_bytes(results, method, tmp_path):
    shutil.copy(results.parents[1] / "toy.pth", tmp_path)
    with pytest.MonkeyPatch.context() as patch, contextlib.suppress(Killed):
        patch.setattr("lifelong.work.resume.SAVE_EVERY_S", 0.03)
        patch.setattr("lifelong.work.resume.SHARE_OF_TIME", 1.0)
        die_after(patch, 60)
        run_on_ground(tmp_path, [method])
        pytest.fail("the run was never killed")
    again = run_on_ground(tmp_path, [method])
    assert content(again / method) == content(results / method)


def test_a_model_on_other_weights_is_refused_by_name(results, tmp_path):
    copy = Path(shutil.copytree(results, tmp_path / "results" / results.name))
    write_ground(tmp_path / "two" / "toy.pth", steps=1, seed=5)
    tasks = [{"name": "zero_six", "classes": [0, 6]}]
    other = run_on_ground(tmp_path / "two", ["probe"], tasks=tasks, goals={})
    shutil.rmtree(copy / "ground")
    shutil.copytree(other / "ground", copy / "ground")
    for method in ("cpg", "probe"):
        with pytest.raises(DamagedFile, match=r"other (weights|tasks)"):
            finished_model(copy / method / "s0")
    (copy / "ground" / "ground.h5").unlink()
    with pytest.raises(DamagedFile, match=r"ground/ground\.h5 is missing"):
        finished_model(copy / "cpg" / "s0")


def test_what_a_task_starts_with_is_the_pretrained_network(results):
    """Released weights keep their values until a task has changed them."""
    with contextlib.chdir(results.parents[1]):
        plan = toy_plan(["packnet"], **CHANGES)
        stage = find_stage(plan, f"results/toy/packnet/s0/01-{TASKS[0]}/train/manifest.json")
        learner = NetworkWork(stage).learner(1.0)
    base = load_ground(results / "ground" / "ground.h5")
    for name, layer in learner.layers.items():
        assert torch.equal(layer.weight.detach().reshape(-1), torch.tensor(base.values[name]))
        assert 0 < int(layer.own.sum()) < layer.own.numel()


@pytest.mark.parametrize("method", ["probe", "piggyback"])
def test_a_picture_file_gets_what_infer_measured(results, method, tmp_path):
    arrays = load_arrays(results / "pack_data/digits/pack.h5", {"task": TASKS[0], "classes": "06"})
    picture = tmp_path / "digit.png"
    Image.fromarray(arrays.images[arrays.split == TEST][0, 0]).save(picture)
    folder = results / method / "s0"
    logits, _ = store.read_arrays(next(folder.glob("03-*/infer")) / "logits.h5")
    measured = torch.from_numpy(logits["001"][0]).softmax(0)
    task = lifelong.load(folder)[TASKS[0]]
    (said,) = task.predict(picture)
    assert task.classes == tuple(arrays.classes)
    assert said.probabilities.tolist() == pytest.approx(measured.tolist(), abs=1e-6)


def test_every_card_has_the_mean_and_std_that_the_weights_want(results):
    for method in GROUND_METHODS:
        for shard in finished_model(results / method / "s0")[0].shards:
            assert (shard.card.mean, shard.card.std) == ((0.305,), (0.376,))


def test_all_networks_of_a_task_move_with_it(results, tmp_path, monkeypatch):
    """On pretrained weights none begins with another task's, so none is trained again."""
    shutil.copy(results.parents[1] / "toy.pth", tmp_path)
    given = {"goals": {}, "baseline": {"epochs": 2, "finetune_lr": 0.02, "repetitions": 3}}
    first, second, third = toy_config(["finetune"])["tasks"]
    run_on_ground(tmp_path, ["finetune"], tasks=[first, second, third], **given)
    monkeypatch.setattr("lifelong.families.separate.fit", None)  # training would fail
    moved = run_on_ground(tmp_path, ["finetune"], tasks=[first, third, second], **given)
    for position, task in ((3, second), (2, third)):
        folder = moved / f"finetune/s0/{position:02}-{task['name']}"
        assert len(list((folder / "baseline").glob("*.h5"))) == 3
        measured = read(folder / "infer/record.csv")
        assert {row.attempt for row in measured if row.metric == "accuracy"} == {0, 1, 2}
