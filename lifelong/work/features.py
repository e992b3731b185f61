"""Features of images that pass a pretrained network as it is: computed once, and kept.

They lie beside the network's weights, under a name of what decides their bits: the weights, the
images, how these are shown, and the machine. Another machine computes its own. Whoever removes them
loses nothing but time.
"""

import hashlib
import json
import logging
import platform
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from lifelong import store
from lifelong.data.batches import TaskData
from lifelong.data.device_split import Split
from lifelong.nets import TaskNetwork
from lifelong.plan.errors import DamagedFile
from lifelong.train.device import machine
from lifelong.train.evaluate import features

log = logging.getLogger(__name__)
REVISION = 1  # goes up when a change of the code gives other features
FOLDER = ".features"  # nobody declares it: it is no result


class Kept:
    """The features that one network of frozen weights gives.

    `ground` is the file of its weights, `pack` that of the images.
    """

    def __init__(
        self, network: TaskNetwork, ground: Path, pack: Path, data: Mapping[str, Any]
    ) -> None:
        self.network, self.folder = network, ground.parent / FOLDER
        self.facts = {
            "revision": REVISION,
            "ground": store.verified(ground),
            "pack": store.verified(pack),
            "data": dict(data),
            "sees": [network.crop, network.input_size, network.standardise],
            "torch": torch.__version__,
            "machine": [platform.machine(), torch.backends.cpu.get_cpu_capability(), machine()],
        }

    def of_task(self, task: TaskData) -> TaskData:
        """A task whose images are features, for a network that begins with these."""
        train = self.of_split("train", task.train, task)
        deciding = self.of_split(task.deciding_name, task.deciding, task)
        return replace(task, train=train, deciding=deciding, test=deciding, crop=0)

    def of_split(self, name: str, split: Split, task: TaskData) -> Split:
        """The features of a split, (images, features, 1, 1) float32."""
        looks = [split.mean or task.mean, split.std or task.std, len(split.labels)]
        key = json.dumps({**self.facts, "split": name, "looks": looks}, sort_keys=True)
        path = self.folder / f"{hashlib.blake2b(key.encode(), digest_size=16).hexdigest()}.h5"
        found = _read(path)
        if found is None:
            found = features(self.network, split, task.mean, task.std)
            _keep(path, found)
            log.info("features of %d %s images, kept in %s", len(found), name, path)
        return Split(found.to(split.labels.device)[:, :, None, None], split.labels)


def _keep(path: Path, found: Tensor) -> None:
    store.write_arrays(path, {"features": found.cpu().numpy()}, {"kind": "features"})


def _read(path: Path) -> Tensor | None:
    try:
        return torch.from_numpy(store.read_arrays(path)[0]["features"]) if path.is_file() else None
    except (DamagedFile, KeyError):
        return None
