"""Whose face it is: the nearest of a folder's people, measured as a paper measures pairs."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lifelong.faces.pairs import CONVENTIONS
from lifelong.faces.trees import identity_folders
from lifelong.plan.errors import DataError
from lifelong.plan.trees import is_visible

Nearest = tuple[tuple[str, float], ...]


@dataclass(frozen=True)
class Gallery:
    """Known faces: the person of each (N), its embedding (N, D), and a name of CONVENTIONS.

    Embeddings are as the convention wants them: with the mirror image's where it is `mirrored`.
    Where it is `centred`, the mean of the gallery's own embeddings is taken off; a single one has
    no such mean.
    """

    people: tuple[str, ...]
    vectors: np.ndarray
    convention: str

    def nearest(self, vectors: np.ndarray) -> list[Nearest]:
        """For each embedding (M, D) all people and the distance of their nearest picture."""
        way = CONVENTIONS[self.convention]
        known, asked = (np.asarray(one, dtype=np.float64) for one in (self.vectors, vectors))
        if way.centred and len(known) > 1:
            mean = known.mean(axis=0)
            known, asked = known - mean, asked - mean
        return [
            self._ordered(way.distance(np.broadcast_to(one, known.shape), known)) for one in asked
        ]

    def _ordered(self, distances: np.ndarray) -> Nearest:
        least: dict[str, float] = {}
        for person, distance in zip(self.people, distances.tolist(), strict=True):
            least[person] = min(distance, least.get(person, np.inf))
        return tuple(sorted(least.items(), key=lambda one: one[1]))


def pictures_of(folder: Path) -> Iterator[tuple[str, Path]]:
    """The people of `folder/<person>/*` and their pictures, sorted. Raises DataError.

    Whoever has no picture, or something else beside them, is named.
    """
    if not folder.is_dir():
        raise DataError(f"there is no gallery {folder}: name a folder that holds one per person")
    if not any(entry.is_dir() for entry in folder.iterdir() if is_visible(entry.name)):
        raise DataError(f"the gallery {folder} holds no folders: make one per person, named so")
    for sample in identity_folders(folder).samples:
        yield sample.identity, folder / sample.path
