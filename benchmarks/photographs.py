"""Photographs: does the input path keep up with a training step, and what does packing hold?

Photographs are parts of the two that scikit-learn brings, 400 x 300 pixels, JPEGs of quality 90.

`photographs.csv`: CPU milliseconds of one batch of 32 on one thread, the median of `repeats`.
  memory, pixels, jpeg   the input path alone: images of 256 pixels in memory, or in their pack as
                         pixels or JPEGs, of which random parts are resized to 224, mirrored,
                         normalised and get a square cut out; reading a window comes on top, once
                         in many batches
  step NAME              the step alone: forward, backward and SGD of a network of torchvision
`ratio` is the step's milliseconds over those of the input path; target: 1.3 for the fastest step.

`packing.csv`: one process packs so many photographs at 224 pixels with two threads.
  images_mb   10^6 bytes of the images as pixels, which is what all of them would take in memory
  grown_mb    how much the process grew while it packed, its largest resident size
  allowance_mb  how much memory for data the system gives it at most, "" for any
Target: it grows no more for the largest set than for the smallest, within 20 MB.
"""

import argparse
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from table import Row, arguments, figure, machine, publish

from lifelong.data.packing import write_pack

SETTINGS = {"source": "image_folder", "channels": 3, "download": False, "seed": 0}
SETTINGS |= {"validation": 0.2, "test": 0.2}
NETWORKS = ("mobilenet_v3_small", "resnet18")
BATCH, SIDE, CROP, CLASSES = 32, 256, 224, 4
DISTINCT, TARGET_RATIO, TARGET_MB, MB = 256, 1.3, 20.0, 1e6
SIZE = 400, 300


def draw(root: Path, count: int) -> None:
    """So many files of photographs in four classes; from the 257th on they are links."""
    from sklearn.datasets import load_sample_images

    random, whole = np.random.default_rng(0), load_sample_images().images
    for number in range(count):
        path = root / f"class{number % CLASSES}" / f"{number:05}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        if number >= DISTINCT:
            first = number % DISTINCT
            path.hardlink_to(root / f"class{first % CLASSES}" / f"{first:05}.jpg")
            continue
        pixels = whole[number % 2]
        top, left = (random.integers(0, pixels.shape[axis] - SIZE[1 - axis]) for axis in (0, 1))
        part = pixels[top : top + SIZE[1], left : left + SIZE[0]]
        Image.fromarray(part).save(path, quality=90)


def cpu_ms(do: Callable[[], Any], repeats: int) -> float:
    """CPU milliseconds of a call, the median; the first call does not count."""
    do()
    found = []
    for _ in range(repeats):
        started = time.process_time()
        do()
        found.append(1000 * (time.process_time() - started))
    return figure(statistics.median(found), 1)


def input_rows(folder: Path, count: int, batch: int, repeats: int) -> Iterator[Row]:
    """The input path alone, in each way to keep images."""
    from lifelong.data.batches import TrainBatches, task_data
    from lifelong.data.tasks import load_arrays
    from lifelong.optim.phase import Phase

    how = {"scale": [0.08, 1.0], "ratio": [3 / 4, 4 / 3]}
    draw(folder / "raw", count)
    for name, kept, memory in (
        ("memory", "pixels", 1e6),
        ("pixels", "pixels", 0),
        ("jpeg", "jpeg", 0),
    ):
        settings = {"root": str(folder / "raw"), "image_size": SIDE, "resize": "short_side"}
        write_pack(folder / f"{name}.h5", SETTINGS | settings | {"store": kept})
        arrays = load_arrays(
            folder / f"{name}.h5", {"task": "a", "classes": None, "memory_mb": memory}
        )
        data = task_data(arrays, "paper", (0.5,) * 3, (0.25,) * 3, crop=CROP)
        phase = Phase(1, 0.0, batch_size=batch, crop_padding=0, resized_crop=how, cutout=16)
        batches = TrainBatches(data, phase, seed=0)
        epochs = (batch for number in range(10**6) for batch in batches.epoch(number))
        size = (folder / f"{name}.h5").stat().st_size / count
        yield {
            "what": name,
            "cpu_ms": cpu_ms(partial(next, epochs), repeats),
            "kb_an_image": round(size / 1000, 1),
        }


def step_rows(batch: int, repeats: int) -> Iterator[Row]:
    """The step alone."""
    import torch
    from torchvision import models

    generator = torch.Generator().manual_seed(0)
    x = torch.randn((batch, 3, CROP, CROP), generator=generator)
    y = torch.randint(CLASSES, (batch,), generator=generator)
    for name in NETWORKS if repeats > 1 else NETWORKS[:1]:
        network = getattr(models, name)(num_classes=CLASSES)
        weights = torch.optim.SGD(network.parameters(), 1e-3, 0.9, nesterov=True)
        step = partial(one_step, network, weights, x, y)
        yield {"what": f"step {name}", "cpu_ms": cpu_ms(step, repeats), "kb_an_image": ""}


def one_step(network: Any, weights: Any, x: Any, y: Any) -> None:
    from torch.nn import functional

    weights.zero_grad()
    functional.cross_entropy(network(x), y).backward()
    weights.step()


def with_ratios(rows: list[Row]) -> list[Row]:
    """Input rows with the fastest step's time over theirs."""
    fastest = min(row["cpu_ms"] for row in rows if row["what"].startswith("step"))
    for row in rows:
        given = not row["what"].startswith("step")
        ratio = figure(fastest / row["cpu_ms"], 2)
        row |= {"ratio": ratio if given else "", "target": TARGET_RATIO if given else ""}
        row["met"] = ("yes" if ratio >= TARGET_RATIO else "no") if given else ""
    return rows


def pack(root: Path, kept: str, allowance_mb: int) -> None:
    """Print how much this process grew while it packed, in 10^6 bytes, and how long that took."""
    if allowance_mb:
        limit = int(allowance_mb * MB)
        resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
    before, started = _resident_mb("VmRSS"), time.perf_counter()
    settings = {"root": str(root), "image_size": CROP, "workers": 2, "store": kept}
    write_pack(root.parent / "pack.h5", SETTINGS | settings)
    print(_resident_mb("VmHWM") - before, time.perf_counter() - started)


def _resident_mb(which: str) -> float:
    """The resident size now (VmRSS) or the largest so far (VmHWM), as Linux counts it."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return float(next(line.split()[1] for line in lines if line.startswith(which))) * 1024 / MB


def packing_rows(folder: Path, cases: list[tuple[int, str, int]]) -> list[Row]:
    rows: list[Row] = []
    for count, kept, allowance_mb in cases:
        root = folder / f"{count}-{kept}-{allowance_mb}" / "raw"
        draw(root, count)
        command = [sys.executable, __file__, "--pack", str(root), kept, str(allowance_mb)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        grown, seconds = map(float, done.stdout.split())
        rows.append({
            "photographs": count,
            "store": kept,
            "images_mb": round(count * 3 * CROP**2 / MB, 1),
            "allowance_mb": allowance_mb or "",
            "grown_mb": round(grown, 1),
            "pack_s": figure(seconds, 1),
        })  # fmt: skip
        (root.parent / "pack.h5").unlink()
    least = min(row["grown_mb"] for row in rows)
    for row in rows:
        row["target"] = f"grown_mb {least + TARGET_MB:.1f}"
        row["met"] = "yes" if row["grown_mb"] <= least + TARGET_MB else "no"
    return rows


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--pack", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.pack:
        pack(Path(options.pack[0]), options.pack[1], int(options.pack[2]))
        return
    count, batch, repeats = (16, 2, 1) if options.quick else (512, BATCH, 7)
    cases = [(200, "pixels", 0), (4000, "pixels", 0), (4000, "jpeg", 0), (4000, "pixels", 400)]
    if options.quick:
        cases = [(16, "pixels", 0)]
    facts = machine()
    with tempfile.TemporaryDirectory() as folder:
        rows = packing_rows(Path(folder), cases)
    publish("packing", rows, {**facts, "threads": 2}, options.out)
    import torch

    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        rows = [*input_rows(Path(folder), count, batch, repeats), *step_rows(batch, repeats)]
    facts = {**machine(), "threads": 1, "batch": batch, "repeats": repeats}
    publish("photographs", with_ratios(rows), facts, options.out)


if __name__ == "__main__":
    main()
