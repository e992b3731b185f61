"""CPG on other bodies: slopes are each task's own, and widening keeps what was learned."""

import contextlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from harness_tree import Killed, content, die_after
from PIL import Image
from sklearn.datasets import load_digits
from toy_experiment import CLASSES, TASKS, run_toy, run_whole_toy

from lifelong import store
from lifelong.masks import shard_size
from lifelong.use.load import finished_model
from lifelong.work.shards import load_part

NETWORKS = {"spherenet20": 0.125, "inception_resnet_v1_reduced": 0.0625}  # channels


@pytest.fixture(scope="module")
def pictures(tmp_path_factory) -> Path:
    """The digits as picture files, some of each class, for what needs larger images."""
    root = tmp_path_factory.mktemp("pictures")
    digits = load_digits()
    for task, classes in CLASSES.items():
        for label in classes:
            images = digits.images[digits.target == label]
            for number, image in enumerate(images[:140]):
                split = "train" if number < 120 else "test"
                path = root / task / split / str(label) / f"{number:03d}.png"
                path.parent.mkdir(parents=True, exist_ok=True)
                Image.fromarray((image * 15).astype(np.uint8)).save(path)
    return root


def run(folder: Path, name: str, root: Path, by: Callable[..., Path]) -> Path:
    network = {"name": name, "channels": NETWORKS[name]}
    if name == "spherenet20":
        return by(folder, ["cpg"], network=network)
    source = {"source": "image_folder", "root": str(root), "image_size": 75, "channels": 1}
    tasks = [{"name": task, "group": task} for task in TASKS]
    few = {"cpg": {"train": {"epochs": 4, "milestones": [3]}}}  # too few for the second task's goal
    changes = {"network": network, "datasets": {"digits": source}, "tasks": tasks}
    with pytest.MonkeyPatch.context() as patch:
        # Its norms remember 200 steps; a toy has 60.
        patch.setattr("lifelong.nets.inception_resnet.MOMENTUM", 0.1)
        return by(folder, ["cpg"], method_settings=few, **changes)


@pytest.fixture(scope="module", params=NETWORKS)
def results(request, pictures, tmp_path_factory) -> tuple[str, Path]:
    """The network and the results of an experiment that nobody interrupted."""
    folder = tmp_path_factory.mktemp(request.param)
    return request.param, run(folder, request.param, pictures, run_whole_toy)


def test_learns_and_expands(results):
    _, folder = results
    line = pd.read_csv(folder / "tables" / "summary.csv").iloc[0]
    assert line["accuracy_mean"] > 0.85
    widths = [part.card.width for part in finished_model(folder / "cpg" / "s0")[0].shards]
    assert widths[0] == 1.0 and widths[-1] > 1.0, widths


def test_never_forgets(results):
    _, folder = results
    seen: dict[str, np.ndarray] = {}
    for stage in sorted((folder / "cpg" / "s0").glob("*/infer")):
        logits, _ = store.read_arrays(stage / "logits.h5")
        for task, values in logits.items():
            assert np.array_equal(seen.setdefault(task, values), values), task
    assert len(seen) == len(TASKS)


def test_each_task_has_its_own_slopes_and_all_is_counted(results):
    _, folder = results
    model, paths = finished_model(folder / "cpg" / "s0")
    dense = [part.dense for part in model.shards]
    own = [name for name in dense[0] if name.startswith("body.")]
    for later in dense[1:]:
        same = [name for name in own if np.isin(dense[0][name], later[name]).all()]
        assert own and not same, same
    table = pd.read_csv(folder / "tables" / "size.csv").set_index("task")
    for path in paths:
        part = load_part(path)
        line = table.loc[part.card.task]
        parts = shard_size(part)
        assert parts == {name: line[f"bytes_{name}"] for name in parts}
        assert parts["dense"] == 4 * sum(array.size for array in part.dense.values())
        assert line["bytes_file"] == path.stat().st_size


def test_killed_and_run_again_gives_the_same_bytes(results, pictures, tmp_path):
    name, folder = results
    with pytest.MonkeyPatch.context() as patch, contextlib.suppress(Killed):
        patch.setattr("lifelong.work.resume.SAVE_EVERY_S", 0.03)
        patch.setattr("lifelong.work.resume.SHARE_OF_TIME", 1.0)
        die_after(patch, 100)
        run(tmp_path, name, pictures, run_toy)
        pytest.fail("the run was never killed")
    again = run(tmp_path, name, pictures, run_toy)
    assert content(again / "cpg") == content(folder / "cpg")
