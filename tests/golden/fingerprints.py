"""What every method's shards are like after a few steps: numbers that change when its results do.

    python tests/golden/fingerprints.py

writes golden/fingerprints.json anew, for the revisions that the tables have now. Few steps and
rounded numbers, so that processors that round differently agree.
"""

import contextlib
import io
import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from known_methods import JOINT_METHODS, LAYER_METHODS, NETWORK_METHODS, PRETRAINED_METHODS
from toy_experiment import run_toy
from toy_ground import GROUND, write_ground

from lifelong import store
from lifelong.masks.layout import plain_arrays
from lifelong.plan.methods import METHODS
from lifelong.plan.revisions import CENTRES, STAGES

GOLDEN = Path(__file__).with_name("fingerprints.json")
_FEW: dict[str, Any] = {"draw": {"train": 8, "validation": 4}}
_TASKS = [{"name": "one", "classes": [0, 6]}, {"name": "two", "classes": [1, 7]}]
_SECTION = {"epochs": 2, "lr": 0.1, "milestones": [1]}
NETWORKS: dict[str, Any] = {
    "datasets": {"digits": {"source": "digits", "channels": 1, **_FEW}},
    "tasks": _TASKS,
    "goals": {"policy": "given", "given": {"one": 0.0, "two": 1.0}},
    "expand": {"step": 0.5, "cap": 1.5},
    "recipe": {"batch_size": 8, "crop_padding": 1, "flip": False},
    "baseline": {**_SECTION, "finetune_lr": 0.05, "repetitions": 1},
    "train": {**_SECTION, "mask_lr": 2e-3, "mask_milestones": [1], "min_train_accuracy": 0.0},
    "prune": {
        "ratios": [0.3, 0.6],
        "epochs": 1,
        "window": 1,
        "every": 2,
        "min_train_accuracy": 0.0,
    },
    "retrain": {"epochs": 1, "lr": 0.01, "mask_lr": 1e-3},
}
LAYERS: dict[str, Any] = {
    "datasets": NETWORKS["datasets"],
    "tasks": _TASKS,
    "layers": {"epochs": 2, "lr": 1e-2, "batch_size": 4, "den": {"units": 2}},
}


def all_fingerprints(folder: Path) -> dict[str, dict[str, list[float]]]:
    """Of all methods, those that need pretrained weights on some that a seed gives."""
    found = fingerprints(folder / "networks", NETWORK_METHODS)
    found |= fingerprints(folder / "layers", LAYER_METHODS)
    found |= fingerprints(folder / "joint", JOINT_METHODS)
    return found | fingerprints(folder / "ground", PRETRAINED_METHODS)


def fingerprints(folder: Path, methods: list[str]) -> dict[str, dict[str, list[float]]]:
    """Of each method and each array of its second task's shard: size, mean and mean size."""
    changes = LAYERS if set(methods) <= set(LAYER_METHODS) else NETWORKS
    if methods == PRETRAINED_METHODS:
        write_ground(folder / "toy.pth", steps=0)
        changes = NETWORKS | {"ground": GROUND}
    with contextlib.redirect_stderr(io.StringIO()):
        results = run_toy(folder, methods, experiment="golden", **changes)
    shards = {one: next((results / one).glob("s0/02-*/*/shard.h5")) for one in methods}
    return {method: _of_shard(path) for method, path in shards.items()}


def _of_shard(path: Path) -> dict[str, list[float]]:
    arrays, attrs = store.read_arrays(path)  # masks decoded: zlib's bytes depend on its version
    return {name: _of_array(array) for name, array in plain_arrays(arrays, attrs).items()}


def _of_array(array: np.ndarray) -> list[float]:
    """Bits count as bits."""
    bits = np.unpackbits(array) if array.dtype == np.uint8 else array
    numbers = bits.astype(np.float64)
    if not numbers.size:
        return [0, 0.0, 0.0]
    return [numbers.size, *(round(float(one.mean()), 9) for one in (numbers, np.abs(numbers)))]


def revision(method: str) -> list[int]:
    """Of the method, and of the stages that make its shard."""
    row = METHODS[method]
    stages = [STAGES[kind] for kind in row.stages if kind != "infer"]
    centres = [CENTRES] if row.defaults.get("retrain", {}).get("centres") else []
    return [row.revision, *stages, *centres]


def _main() -> None:
    os.environ["OMP_NUM_THREADS"] = "1"
    written = {}
    with tempfile.TemporaryDirectory() as folder:
        for method, numbers in all_fingerprints(Path(folder)).items():
            written[method] = {"revision": revision(method), "arrays": numbers}
    GOLDEN.write_text(json.dumps(written, indent=1) + "\n")


if __name__ == "__main__":
    _main()
