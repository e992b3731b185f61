"""What the masks of a run take in kilobytes, task by task, in every way there is to count them.

    python benchmarks/mask_bytes.py results/superclass_lenet/wsn_c50/s0

  values     the weights that the task brought, as they are written
  paper      one bit for every weight of the network, as papers count masks without a code
  older      one bit for every weight of an older task, the only ones to choose among
  entropy    the same at the entropy of their share
  alone      the same in zlib's code
  written    what the shard has: the code of the picks or of their differences from the task before

Without a folder: tasks that were never trained, the picks of each near those of the one before.
"""

import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
from synthetic import shards as synthetic
from table import Row, arguments, machine, publish

from lifelong.masks import Model
from lifelong.masks.layout import to_arrays
from lifelong.masks.shard import Part
from lifelong.work.shards import load_part

KILO = 1000
CHANGED = 0.07  # of the picks, from one task to the next


def of_run(run: Path) -> Iterator[Part]:
    """The tasks of a run as its files have them, oldest first."""
    for path in sorted(run.glob("*/retrain/shard.h5")):
        yield load_part(path)


def never_trained(model: Model, tasks: int, channels: float) -> Iterator[Part]:
    """Tasks on top of `model` that pick what the one before picked, but for a few weights."""
    generator = np.random.default_rng(0)
    for shard in synthetic(tasks, channels):
        model.widen(shard.shapes, shard.card)
        near = {}
        for name, owners in model.owners.items():
            used = model.used(name)
            assert used is not None
            picks = used[owners > 0]
            near[name] = picks ^ (generator.random(picks.size) < CHANGED)
        older = any(picks.size for picks in near.values())
        yield model.part(replace(shard, picks=near if older else None))


def counted(model: Model, part: Part) -> Row:
    """Add a task to the model and count its masks."""
    model.widen(part.shapes, part.card)
    before = model.before(part.older)
    values = to_arrays(part)[0]
    model.add(part)
    picks = model.shards[-1].picks
    whole = sum(int(np.prod(shape)) for shape in part.shapes.values())
    row: Row = {
        "task": part.card.task,
        "values": _kilo(
            sum(values[n].nbytes for n in ("values", "codes", "centres") if n in values)
        ),
        "paper": _kilo(whole / 8),
    }
    if picks is None:
        return row | dict.fromkeys(("older", "entropy", "alone", "written"), 0.0)
    older = sum(part.older.values())
    share = int(np.unpackbits(picks, count=older).sum()) / older
    plain = replace(model.shards[-1], values=part.values, places=part.places)
    return row | {
        "older": _kilo(older / 8),
        "entropy": _kilo(older * _entropy(share) / 8),
        "alone": _kilo(to_arrays(plain)[0]["picks"].nbytes),
        "written": _kilo(to_arrays(replace(plain, before=before))[0]["picks"].nbytes),
    }


def _entropy(share: float) -> float:
    return -sum(p * math.log2(p) for p in (share, 1 - share) if p)


def _kilo(size: float) -> float:
    return round(size / KILO, 1)


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("run", type=Path, nargs="?", help="such as results/EXPERIMENT/METHOD/s0")
    options = parser.parse_args()
    model = Model()
    size = (3, 0.1) if options.quick else (10, 0.5)
    parts = of_run(options.run) if options.run else never_trained(model, *size)
    rows = [counted(model, part) for part in parts]
    if not rows:
        parser.error(f"{options.run} has no finished task of a method that shares weights")
    total = {name: round(sum(row[name] for row in rows), 1) for name in rows[0] if name != "task"}
    facts = {"run": "/".join(options.run.parts[-3:]) if options.run else "never trained"}
    publish("mask_bytes", [*rows, {"task": "all", **total}], facts | machine(), options.out)


if __name__ == "__main__":
    main()
