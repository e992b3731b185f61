"""Pictures per second of `lifelong predict`, and seconds to load a packed model of many tasks.

`predict_rate.csv`, wall seconds of one decoder thread and one of torch's, medians of `repeats`
rounds in which the ways take turns, because other programs share the machine. Two threads need two
free cores: on a busy machine `share` says more of it than of us.
  decoder   every file decoded, resized and made a tensor, nothing else
  network   the same images through the network, in batches as `predict` asks for
  predict   the command once it has read its model: files to CSV on /dev/null
`per_s` are pictures per second, `share` of predict is its rate over that of the slower alone in
the same round.
The pictures are JPEG files of 320 x 240 pixels, smooth noise; the network is VGG16-BN with
`channels` of its channels for 32 x 32 pixels, not trained.

`packed_load.csv`: lifelong.load of one packed file after torch was imported, and the network of its
newest task after that, CPU seconds, for `tasks` tasks.

Targets: share at least 0.9; load_s at most 0.3 for 20 tasks.
"""

import contextlib
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import synthetic
import torch
from PIL import Image
from table import Row, arguments, figure, machine, publish

import lifelong
from lifelong import store
from lifelong.data.images import Framing, picture
from lifelong.masks import Model
from lifelong.use.finished import Finished
from lifelong.use.predict import Predictor, PredictRequest
from lifelong.use.printing import print_all
from lifelong.work import shards

PICTURES, TASKS, REPEATS, SIZE = 2000, 20, 5, (320, 240)
TARGETS = {"share": 0.9, "load_s": 0.3}
_BATCH = 100


def packed(folder: Path, tasks: int, channels: float) -> Path:
    """A packed model of tasks that were never trained."""
    model, digests, paths = Model(), [], []
    for shard in synthetic.shards(tasks, channels):
        part = model.part(replace(shard, card=replace(shard.card, lineage=tuple(digests))))
        paths.append(folder / f"{len(paths):03d}.h5")
        digests.append(shards.save(paths[-1], part))
        model.add(part)
    file = folder / f"{tasks}.lifelong"
    store.write_packed(file, paths)
    return file


def draw(folder: Path, count: int) -> list[Path]:
    """JPEG files whose details are as small as those of a photograph."""
    random = np.random.default_rng(0)
    paths = []
    for number in range(count):
        coarse = random.integers(0, 256, (SIZE[1] // 8, SIZE[0] // 8, 3), np.uint8)
        image = Image.fromarray(coarse).resize(SIZE, Image.Resampling.BICUBIC)
        paths.append(folder / f"{number:05d}.jpg")
        image.save(paths[-1], quality=90)
    return paths


def wall_s(do: Callable[[], Any]) -> float:
    started = time.perf_counter()
    do()
    return time.perf_counter() - started


def rates(file: Path, paths: list[Path], channels: float, repeats: int) -> list[Row]:
    """Of each way, and of predict the share of the slower of the other two."""
    task = Finished(file, "cpu")
    card = task.cards[0]
    framing = Framing(card.image_size, card.in_channels)
    images = np.stack([picture(path, framing) for path in paths])
    task.logits(1, images[:_BATCH])  # puts the network together

    def decode() -> None:
        for path in paths:
            picture(path, framing)

    def compute() -> None:
        for start in range(0, len(images), _BATCH):
            task.logits(1, images[start : start + _BATCH])

    def predict(model: Predictor) -> None:
        with open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere):
            assert print_all(model, "csv")

    seconds: dict[str, list[float]] = {"decoder": [], "network": [], "predict": []}
    for _ in range(repeats):
        model = Predictor(PredictRequest(file, paths, (card.task,)))
        ways = {"decoder": decode, "network": compute, "predict": partial(predict, model)}
        for name, way in ways.items():
            seconds[name].append(wall_s(way))
    per_s = {name: len(paths) / statistics.median(those) for name, those in seconds.items()}
    rounds = zip(*seconds.values(), strict=True)
    share = statistics.median(max(decoder, network) / both for decoder, network, both in rounds)
    return [
        {
            "channels": channels,
            "measured": name,
            "per_s": figure(rate, 1),
            "share": figure(share, 3) if name == "predict" else "",
            "target": TARGETS["share"] if name == "predict" else "",
            "met": ("yes" if share >= TARGETS["share"] else "no") if name == "predict" else "",
        }
        for name, rate in per_s.items()
    ]


def load(file: Path, tasks: int, channels: float, repeats: int) -> Row:
    """Seconds from a packed file to a model, and to its newest network."""
    seconds: dict[str, list[float]] = {"load_s": [], "network_s": []}
    for _ in range(repeats):
        started = time.process_time()
        model = lifelong.load(file, device="cpu")
        loaded = time.process_time()
        assert model[model.tasks[-1]].network is not None
        seconds["load_s"].append(loaded - started)
        seconds["network_s"].append(time.process_time() - loaded)
    medians = {name: figure(statistics.median(those), 3) for name, those in seconds.items()}
    sizes = {"tasks": tasks, "channels": channels, "mb": round(file.stat().st_size / 1e6, 2)}
    met = "yes" if medians["load_s"] <= TARGETS["load_s"] else "no"
    return {**sizes, **medians, "target": TARGETS["load_s"], "met": met}


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--channels", type=float, nargs="+", default=[0.25, 1.0])
    given = parser.parse_args()
    torch.set_num_threads(1)
    pictures, tasks, repeats = (30, 2, 1) if given.quick else (PICTURES, TASKS, REPEATS)
    channels = [0.0625] if given.quick else given.channels
    facts = {"pictures": pictures, "threads": 1, "repeats": repeats, **machine()}
    rows, loads = [], []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        paths = draw(folder, pictures)
        for share in channels:
            (folder / str(share)).mkdir()
            file = packed(folder / str(share), tasks, share)
            loads.append(load(file, tasks, share, repeats))
            rows += rates(file, paths, share, repeats)
    publish("predict_rate", rows, facts, given.out)
    publish("packed_load", loads, facts, given.out)


if __name__ == "__main__":
    main()
