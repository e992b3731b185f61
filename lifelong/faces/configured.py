"""A face set as the configuration describes it: which photographs, in which order."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import astuple, replace
from pathlib import Path
from typing import Any

import numpy as np

from lifelong.faces.samples import FaceSet, Sample
from lifelong.plan.code import load
from lifelong.plan.errors import DataError
from lifelong.plan.sources import SOURCES

# Names in the configuration and of the parameters of sources; `fold` only says what is tested.
_OPTIONS = {
    "labels": "task",
    "pairs": "pairs",
    "missing": "missing",
    "faces": "faces",
    "odd_ages": "odd_ages",
    "images": "images",
    "contempt": "contempt",
    "folds": "folds",
}


def face_set(settings: Mapping[str, Any]) -> FaceSet:
    """The samples of a data set of the configuration; raises DataError where it cannot be read.

    With `per_class` a class keeps at most so many samples of every split and fold, chosen at random
    but always the same; samples that pairs name all stay.
    """
    options = {to: settings[name] for name, to in _OPTIONS.items() if name in settings}
    options |= {name: _folder(options[name]) for name in ("pairs", "folds") if name in options}
    source = SOURCES[settings["source"]]
    if source.own_splits:
        options["fold"] = settings["fold"]
    faces: FaceSet = load(source.reader)(_folder(settings["root"]), **options)
    if "per_class" in settings and faces.pairs is None:
        return replace(faces, samples=_thinned(faces.samples, settings["per_class"]))
    return faces


def fingerprint(found: FaceSet) -> str:
    """A digest of the list of samples: rows of one list are no rows of another."""
    text = json.dumps([found.classes, [astuple(sample) for sample in found.samples]])
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def _thinned(samples: tuple[Sample, ...], most: int) -> tuple[Sample, ...]:
    places: dict[tuple[str, int, int], list[int]] = {}
    for row, sample in enumerate(samples):
        places.setdefault((sample.split, sample.fold, sample.label), []).append(row)
    kept: list[int] = []
    for key in sorted(places):
        random = np.random.RandomState(0)  # its stream never changes between numpy versions
        kept += random.permutation(places[key])[:most].tolist()
    return tuple(samples[row] for row in sorted(kept))


def _folder(text: str) -> Path:
    try:
        return Path(text).expanduser()
    except RuntimeError as error:
        raise DataError(f"root {text} begins with ~ and nobody's name") from error
