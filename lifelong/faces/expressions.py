"""Videos of people who put on expressions, tested on people nobody trained on: Oulu-CASIA, CK+.

Both are read as trees of faces that were cut out already, with a file of labels beside the people's
folders. A fold is some of the people. One is the test split and the next one decides; expressions
are learned from the people of all others. So are identities, which are theirs alone: of every
person one video is the test split and another decides.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lifelong.faces.samples import FaceSet, Sample, lines_of, pictures_below
from lifelong.plan.errors import DataError

LABELS = "labels.txt"
FOLDS = 10
OULU_CASIA = ("Anger", "Disgust", "Fear", "Happiness", "Sadness", "Surprise")
CK_PLUS = ("neutral", "anger", "contempt", "disgust", "fear", "happy", "sadness", "surprise")
_NEUTRAL = "Neutral"
_LEAST_FOLDS, _LEAST_VIDEOS = 3, 3


@dataclass(frozen=True)
class Frame:
    """One line of a file of labels: a picture below the root, who and which video, its label."""

    path: str
    person: str
    video: str
    label: int


def oulu_casia(root: Path, task: str, fold: int, folds: Path | None = None) -> FaceSet:
    """`root/P022/Happiness/P022_Happiness_023.png`, `root/labels.txt`; for expression or identity.

    Columns after a header: number, person, expression, label, path. Labels count the six
    expressions from 0, or from 1 where the file has neutral frames, which are 0. Raises DataError
    naming file and line, also where folder, expression and label disagree.
    """
    frames, classes = oulu_frames(root)
    return _face_set(root, frames, classes, task, fold, folds)


def ckplus(root: Path, task: str, fold: int, folds: Path | None = None) -> FaceSet:
    """`root/S085/002/S085_002_00000012.png` and `root/labels.txt`, for expression or identity.

    Columns after a header: number, person, session, frame, label; labels may be written as 3.0.
    Raises DataError naming file and line.
    """
    frames, classes = ck_frames(root)
    return _face_set(root, frames, classes, task, fold, folds)


def oulu_frames(root: Path) -> tuple[list[Frame], tuple[str, ...]]:
    """The lines of `root/labels.txt` and the expressions that labels count; see `oulu_casia`."""
    rows = list(rows_of(root / LABELS, 5))
    neutral = any(row[2] == _NEUTRAL for _, row in rows)
    classes = (_NEUTRAL, *OULU_CASIA) if neutral else OULU_CASIA
    return [_oulu_frame(where, row, classes) for where, row in rows], classes


def ck_frames(root: Path) -> tuple[list[Frame], tuple[str, ...]]:
    """The lines of `root/labels.txt` and the expressions that labels count; see `ckplus`."""
    return [_ck_frame(where, row) for where, row in rows_of(root / LABELS, 5)], CK_PLUS


def read_folds(path: Path) -> tuple[list[list[str]], bool]:
    """The people of each fold, and whether people of none are there to train on.

    {"folds": [["P001", ...], ...]}, perhaps with "others": "train" where not all folds are known.
    Raises DataError naming the file where it is something else, or a person is in two folds.
    """
    try:
        told = json.loads("\n".join(lines_of(path)))
        people = [[str(one) for one in fold] for fold in told["folds"]]
        others = {None: False, "train": True}[told.get("others")]
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(f'{path} should be like {{"folds": [["P001", ...], ...]}}') from error
    homes: dict[str, int] = {}
    for number, fold in enumerate(people):
        for person in fold:
            if homes.setdefault(person, number) != number:
                raise DataError(
                    f"{path}: {person} is in folds {homes[person]} and {number}, so one would test "
                    "on people it trained on: remove it from one of them"
                )
    return people, others


def made_folds(people: Sequence[str], count: int = FOLDS) -> list[list[str]]:
    """The sorted people, shuffled always alike, in parts that differ by one person at most."""
    shuffled = np.random.RandomState(0).permutation(sorted(people))
    return [part.tolist() for part in np.array_split(shuffled, count)]


def rows_of(path: Path, count: int) -> Iterator[tuple[str, list[str]]]:
    """The rows below the header, each with its place for messages."""
    for number, line in enumerate(lines_of(path)[1:], 2):
        row = line.split()
        if not row:
            continue
        if len(row) != count:
            raise DataError(
                f"{path}, line {number} has {len(row)} columns where {count} belong: mend it"
            )
        yield f"{path}, line {number}", row


def _label(where: str, text: str, classes: Sequence[str]) -> int:
    try:
        label = float(text)
    except ValueError:
        label = -1.0
    if label not in range(len(classes)):
        raise DataError(f"{where}: label {text!r} is none of 0 to {len(classes) - 1}: mend it")
    return int(label)


def _oulu_frame(where: str, row: list[str], classes: Sequence[str]) -> Frame:
    _, person, expression, text, path = row
    label, parts = _label(where, text, classes), path.replace("\\", "/").split("/")[-3:]
    if expression not in classes:
        raise DataError(f"{where}: {expression!r} is none of {', '.join(classes)}: mend it")
    if classes[label] != expression:
        raise DataError(f"{where}: label {label} is {classes[label]}, not {expression}: mend it")
    if len(parts) < 3 or parts[0] != person or expression not in (parts[1], _NEUTRAL):
        raise DataError(f"{where}: {path} is no picture of {person}, {expression}: mend it")
    return Frame("/".join(parts), person, parts[1], label)


def _ck_frame(where: str, row: list[str]) -> Frame:
    _, person, session, frame, text = row
    name = f"{person}/{session}/{person}_{session}_{frame.zfill(8)}.png"
    return Frame(name, person, session, _label(where, text, CK_PLUS))


def _face_set(
    root: Path,
    frames: Sequence[Frame],
    expressions: Sequence[str],
    task: str,
    fold: int,
    folds: Path | None,
) -> FaceSet:
    if task not in ("expression", "identity"):
        raise DataError(f"{root} has no task {task}: choose expression or identity")
    there = pictures_below(root)
    absent = [frame.path for frame in frames if frame.path not in there]
    if absent:
        raise DataError(
            f"{len(absent)} of the pictures in {root / LABELS} are not in {root} ({absent[0]}, "
            "...): add them, or remove their lines"
        )
    homes = homes_of(root, {frame.person for frame in frames}, fold, folds)
    if task == "expression":
        samples = [
            Sample(one.path, one.label, homes[one.person], fold, one.person) for one in frames
        ]
        return FaceSet(root, tuple(expressions), tuple(samples))
    learned = [frame for frame in frames if homes[frame.person] == "train"]
    return _identities(root, learned, fold)


def homes_of(root: Path, people: set[str], fold: int, path: Path | None) -> Mapping[str, str]:
    """The split that everybody's expressions belong to."""
    others = False
    if path is None:
        folds = made_folds(sorted(people))
    else:
        folds, others = read_folds(path)
    where = path or root / LABELS
    if len(folds) < _LEAST_FOLDS or fold >= len(folds):
        raise DataError(f"{where}: fold {fold} of {len(folds)} cannot be tested on: choose another")
    deciding = (fold + 1) % len(folds)
    splits = {fold: "test", deciding: "validation"}
    homes = {one: splits.get(n, "train") for n, part in enumerate(folds) for one in part}
    lost = sorted(people - homes.keys())
    if lost and others:
        return homes | dict.fromkeys(lost, "train")
    if lost:
        raise DataError(f"{where}: {lost[0]} of {root / LABELS} is in no fold: add it to one")
    return homes


def _identities(root: Path, frames: Sequence[Frame], fold: int) -> FaceSet:
    """Everybody's videos but two to learn from; which two differs from person to person."""
    people = sorted({frame.person for frame in frames})
    samples = []
    for label, person in enumerate(people):
        mine = [frame for frame in frames if frame.person == person]
        videos = sorted({frame.video for frame in mine})
        if len(videos) < _LEAST_VIDEOS:
            raise DataError(
                f"{root / LABELS}: {person} has {len(videos)} videos, too few to learn who it is "
                f"and to test that: {_LEAST_VIDEOS} are needed; leave the person out"
            )
        held = {
            videos[label % len(videos)]: "test",
            videos[(label + 1) % len(videos)]: "validation",
        }
        samples += [
            Sample(one.path, label, held.get(one.video, "train"), fold, person) for one in mine
        ]
    return FaceSet(root, tuple(people), tuple(samples))
