"""One shard of a face set: photographs in, their aligned faces and a row for each out.

Every finished batch is kept beside the folder, so that a killed job goes on after the last one.
"""

import csv
import io
import logging
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from lifelong import store
from lifelong.faces.configured import face_set, fingerprint
from lifelong.faces.detect import Detector
from lifelong.faces.photos import ALIGNMENTS, FaceAlignment, align_photos
from lifelong.faces.rows import COLUMNS
from lifelong.faces.samples import FaceSet, Sample
from lifelong.plan.errors import DamagedFile, OutOfTime
from lifelong.plan.raw_files import Knowing, given_files
from lifelong.plan.specs import canonical
from lifelong.plan.stage import Stage
from lifelong.train.device import machine, prepare
from lifelong.work.resume import LEAVE_S
from lifelong.work.seal import seal
from lifelong.work.work import forget, resume_folder

log = logging.getLogger(__name__)
BATCH = 64  # photographs between two savings
_SAY_EVERY_S = 10.0


@dataclass(frozen=True)
class _Batch:
    """Faces uint8 (M, S, S, 3), which samples they are (M,), and the lines of all photographs."""

    images: np.ndarray
    samples: np.ndarray
    lines: list[list[str]]


def run(stage: Stage) -> None:
    """Write faces.h5 and photos.csv."""
    settings = stage.spec.settings
    how = replace(ALIGNMENTS[settings["align"]["preset"]], no_face=settings["align"]["policy"])
    first = stage.spec.shard == 1  # whose manifest the plan asks
    files = Knowing(given_files(settings) if first else [], settings.get("files"))
    finder = Detector(prepare(stage.threads))
    dataset = face_set(settings)
    share = shard_of(len(dataset.samples), stage.spec.shard, stage.spec.shards)
    images = store.on_disk((len(share), how.side, how.side, 3), Path(stage.folder))
    samples: list[int] = []
    lines: list[list[str]] = []
    for one in _batches(stage, dataset, finder, how, share):
        images[len(samples) : len(samples) + len(one.images)] = one.images
        samples += one.samples.tolist()
        lines += one.lines
    attrs = {"kind": "faces", "set": fingerprint(dataset)}
    arrays = {"images": images[: len(samples)], "samples": np.array(samples, dtype=np.int64)}
    written = {
        "faces.h5": store.write_arrays(Path(stage.path("faces.h5")), arrays, attrs),
        "photos.csv": store.write_text(Path(stage.path("photos.csv")), _csv(lines)),
    }
    became = dict(sorted(Counter(line[COLUMNS.index("status")] for line in lines).items()))
    outcome = {"photos": became, "left_out": dict(dataset.left_out), "finder": finder.name}
    seal(stage, written, outcome | files.facts(), machine=machine())
    forget(stage)
    log.info("%d photographs: %s", len(lines), ", ".join(f"{n} {s}" for s, n in became.items()))


def shard_of(count: int, shard: int, shards: int) -> range:
    """The samples of one shard, counted from 1, of `shards` about equal runs."""
    return range(count * (shard - 1) // shards, count * shard // shards)


def _batches(
    stage: Stage, found: FaceSet, finder: Detector, how: FaceAlignment, share: range
) -> Iterator[_Batch]:
    key = canonical({"spec": stage.spec, "set": fingerprint(found), "finder": finder.name})
    told = time.monotonic()
    for first in share[::BATCH]:
        rows = range(first, min(first + BATCH, share.stop))
        path = resume_folder(stage) / f"{first:09d}.h5"
        saved = _saved(path, key)
        if saved is None:
            started = time.monotonic()
            saved = _aligned(found.root, found.samples[rows.start : rows.stop], first, finder, how)
            _save(path, key, saved)
            _leave_in_time(stage, time.monotonic() - started)
        if time.monotonic() - told > _SAY_EVERY_S:
            told = time.monotonic()
            log.info("%d of %d photographs", rows.stop - share.start, len(share))
        yield saved


def _aligned(
    root: Path, samples: Sequence[Sample], first: int, finder: Detector, how: FaceAlignment
) -> _Batch:
    images, kept, lines = [np.zeros((0, how.side, how.side, 3), np.uint8)], [], []
    paths = (root / sample.path for sample in samples)
    for place, (row, face) in enumerate(align_photos(paths, finder, how)):
        lines.append(replace(row, path=samples[place].path).cells())
        if face is not None:
            images.append(face[None])
            kept.append(first + place)
    return _Batch(np.concatenate(images), np.array(kept, dtype=np.int64), lines)


def _save(path: Path, key: str, batch: _Batch) -> None:
    text = np.frombuffer(_csv(batch.lines).encode(), np.uint8)
    arrays = {"images": batch.images, "samples": batch.samples, "lines": text}
    store.write_arrays(path, arrays, {"key": key})


def _saved(path: Path, key: str) -> _Batch | None:
    """What a killed run had finished; a damaged file only costs the time to redo."""
    try:
        arrays, attrs = store.read_arrays(path)
    except DamagedFile:
        return None
    if attrs.get("key") != key:
        return None
    text = arrays["lines"].tobytes().decode()
    lines = list(csv.reader(io.StringIO(text, newline="")))[1:]
    return _Batch(arrays["images"], arrays["samples"], lines)


def _leave_in_time(stage: Stage, took: float) -> None:
    if stage.ends is not None and time.monotonic() > stage.ends - LEAVE_S - 2 * took:
        raise OutOfTime("the time limit is near: the faces are saved and it goes on when run again")


def _csv(lines: list[list[str]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([COLUMNS, *lines])
    return text.getvalue()
