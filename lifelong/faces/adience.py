"""Adience (Eidinger et al., 2014): ages and genders in five folds without common albums."""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from lifelong.faces.samples import FaceSet, Sample, check_absent, pictures_below, whole
from lifelong.faces.tables import columns, rows_of
from lifelong.plan.errors import DataError

FOLDS = 5
AGES = ((0, 2), (4, 6), (8, 12), (15, 20), (25, 32), (38, 43), (48, 53), (60, 100))
GENDERS = {"m": 0, "f": 1}
ODD_AGES = ("drop", "contained")
_NAMES = {"aligned": "landmark_aligned_face", "faces": "coarse_tilt_aligned_face"}
_COLUMNS = ("user_id", "original_image", "face_id", "age", "gender")
_RANGE = re.compile(r"\((\d+), ?(\d+)\)")


@dataclass(frozen=True)
class _Face:
    """One row of a fold's file: a picture below the root, its album, fold, age and gender."""

    path: str
    album: str
    fold: int
    age: str
    gender: str
    where: str


def adience(
    root: Path, task: str, faces: str = "aligned", odd_ages: str = "drop", missing: str = "refuse"
) -> FaceSet:
    """`root/fold_{0..4}_data.txt` and the pictures in `root/<faces>/<album>/`, for age or gender.

    Ages that are none of the eight groups are left out and counted, as Levi and Hassner (2015) did;
    with `odd_ages` `contained` those that lie within a group, such as 29 or (27, 32), count to it.
    Genders other than m and f are left out. The identity is the album. Raises DataError naming file
    and line, also where an album is in two folds.
    """
    _check(task, faces, odd_ages)
    there = pictures_below(root / faces)
    samples: list[Sample] = []
    left_out: Counter[str] = Counter()
    absent: list[str] = []
    for face in _one_fold_an_album(root, faces):
        label = _age(face, odd_ages) if task == "age" else _gender(face)
        if label is None:
            left_out[f"{task} {(face.age if task == 'age' else face.gender) or 'empty'}"] += 1
        elif face.path.partition("/")[2] not in there:
            absent.append(face.path)
        else:
            samples.append(Sample(face.path, label, fold=face.fold, identity=face.album))
    check_absent(absent, root, root / "fold_*_data.txt", missing)
    classes = tuple(f"({low}, {high})" for low, high in AGES) if task == "age" else tuple(GENDERS)
    return FaceSet(root, classes, tuple(samples), dict(left_out), tuple(absent))


def _check(task: str, faces: str, odd_ages: str) -> None:
    if task not in ("age", "gender"):
        raise DataError(f"Adience has no task {task}: choose age or gender")
    if faces not in _NAMES:
        raise DataError(f"faces {faces} is none of {', '.join(_NAMES)}")
    if odd_ages not in ODD_AGES:
        raise DataError(f"odd_ages {odd_ages} is none of {', '.join(ODD_AGES)}")


def _one_fold_an_album(root: Path, faces: str) -> Iterator[_Face]:
    home: dict[str, int] = {}
    for fold in range(FOLDS):
        for face in _rows(root / f"fold_{fold}_data.txt", fold, faces):
            if home.setdefault(face.album, fold) != fold:
                raise DataError(
                    f"{face.where}: album {face.album} is in fold {home[face.album]} too, "
                    "so one would test on people it trained on: remove it from one of them"
                )
            yield face


def _rows(path: Path, fold: int, faces: str) -> Iterator[_Face]:
    at: list[int] = []
    for where, row in rows_of(path, "\t"):
        if not at:
            at = columns(where, row, _COLUMNS)
            continue
        if len(row) <= max(at):
            raise DataError(f"{where} has {len(row)} columns, too few: fetch the file again")
        album, image, number, age, gender = (row[place].strip() for place in at)
        name = f"{_NAMES[faces]}.{number}.{image}"
        yield _Face(f"{faces}/{album}/{name}", album, fold, age, gender, where)


def _age(face: _Face, odd_ages: str) -> int | None:
    """The group, or None where it has none; texts that Adience never holds are refused."""
    if face.age in ("None", ""):
        return None
    named = _RANGE.fullmatch(face.age)
    low, high = (whole(named[1]), whole(named[2])) if named else (whole(face.age),) * 2
    if low is None or high is None:
        raise DataError(f"{face.where}: age {face.age!r} should be like (25, 32) or 29: mend it")
    if (low, high) in AGES:
        return AGES.index((low, high))
    if odd_ages == "drop" or low > high:
        return None
    inside = (row for row, (least, most) in enumerate(AGES) if least <= low and high <= most)
    return next(inside, None)


def _gender(face: _Face) -> int | None:
    if face.gender not in (*GENDERS, "u", ""):
        raise DataError(f"{face.where}: gender {face.gender!r} is none of m, f and u: mend it")
    return GENDERS.get(face.gender)
