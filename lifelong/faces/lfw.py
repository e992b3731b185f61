"""Labeled Faces in the Wild (Huang et al., 2007), and any folders of people with such pairs.

A file of pairs: in the first line the folds and the pairs of one kind in each, then for every fold
that many lines `person i j` (the same), then as many `person i other j`; tabs or spaces between.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lifelong.faces.pairs import Pairs
from lifelong.faces.samples import (
    FaceSet,
    Sample,
    check_absent,
    folders_of,
    lines_of,
    pictures_in,
    whole,
)
from lifelong.plan.errors import DataError


@dataclass(frozen=True)
class NamedPair:
    """Two photographs, each a person and a number from 1, and the fold, from 0."""

    first: tuple[str, int]
    second: tuple[str, int]
    fold: int

    @property
    def same(self) -> bool:
        """Whether both show one person."""
        return self.first[0] == self.second[0]


def lfw(root: Path, pairs: Path, missing: str = "refuse") -> FaceSet:
    """`root/<person>/<person>_0001.<any>` and a file of pairs; classes are the sorted people.

    `missing` says what becomes of pairs whose photographs are not there: `refuse` or `skip`. Only
    photographs that pairs name are samples. Raises DataError naming file and line.
    """
    named = read_pairs(pairs)
    wanted = sorted({one for pair in named for one in (pair.first, pair.second)})
    there = _photographs(root, {person for person, _ in wanted})
    check_absent((_stem(one) for one in wanted if one not in there), root, pairs, missing)
    people = sorted({person for person, _ in there})
    number = {person: label for label, person in enumerate(people)}
    photographs = [one for one in wanted if one in there]
    samples = tuple(Sample(there[one], number[one[0]], identity=one[0]) for one in photographs)
    kept = [pair for pair in named if pair.first in there and pair.second in there]
    return FaceSet(
        root,
        tuple(people),
        samples,
        {"pairs": len(named) - len(kept)} if len(kept) < len(named) else {},
        tuple(_stem(one) for one in wanted if one not in there),
        _numbered(kept, {one: row for row, one in enumerate(photographs)}),
    )


def read_pairs(path: Path) -> list[NamedPair]:
    """The pairs of a file, each with its fold; raises DataError naming file and line."""
    lines = lines_of(path)
    folds, count = _header(lines[0], path)
    body = lines[1:]
    if len(body) != 2 * folds * count:
        raise DataError(
            f"{path}: its first line promises {2 * folds * count} pairs, but {len(body)} lines "
            "follow: fetch the file again"
        )
    pairs = []
    for row, line in enumerate(body):
        fold, place = divmod(row, 2 * count)
        pairs.append(_pair(line, fold, place < count, f"{path}, line {row + 2}"))
    return pairs


def _header(line: str, path: Path) -> tuple[int, int]:
    """Folds and pairs of a kind; one number alone is one fold, as in LFW's development files."""
    numbers = [_number(word) for word in line.split()]
    if len(numbers) == 1:
        numbers = [1, *numbers]
    if len(numbers) != 2 or min(numbers) < 1:
        raise DataError(f"{path}, line 1 is {line!r} and should be like '10\\t300': fetch it again")
    return numbers[0], numbers[1]


def _pair(line: str, fold: int, same: bool, where: str) -> NamedPair:
    words = line.split("\t") if "\t" in line else line.split()
    places = (0, 1, 0, 2) if same else (0, 1, 2, 3)
    numbers = [_number(words[place]) for place in places[1::2] if place < len(words)]
    if len(words) != len(set(places)) or min(numbers) < 1:
        like = "'Name\\t1\\t2'" if same else "'Name\\t1\\tOther\\t1'"
        raise DataError(f"{where} is {line!r} and should be like {like}: mend it")
    first, second = ((words[place], n) for place, n in zip(places[::2], numbers, strict=True))
    if first == second or (not same and first[0] == second[0]):
        kind = "the same photograph twice" if same else "one person for two"
        raise DataError(f"{where} names {kind}: mend it")
    return NamedPair(first, second, fold)


def _number(word: str) -> int:
    """A whole number, or 0, which no photograph has."""
    return whole(word) or 0


def _photographs(root: Path, people: set[str]) -> dict[tuple[str, int], str]:
    """The path below root of every numbered photograph of these people that is there."""
    paths = {}
    for person in sorted(people & set(folders_of(root))):
        for name in pictures_in(root / person):
            head, _, number = name.rpartition(".")[0].rpartition("_")
            if head == person and _number(number):
                paths[person, _number(number)] = f"{person}/{name}"
    return paths


def _stem(one: tuple[str, int]) -> str:
    return f"{one[0]}/{one[0]}_{one[1]:04d}"


def _numbered(pairs: list[NamedPair], rows: dict[tuple[str, int], int]) -> Pairs:
    return Pairs(
        np.array([rows[pair.first] for pair in pairs], dtype=np.int64),
        np.array([rows[pair.second] for pair in pairs], dtype=np.int64),
        np.array([pair.same for pair in pairs], dtype=bool),
        np.array([pair.fold for pair in pairs], dtype=np.int64),
    )
