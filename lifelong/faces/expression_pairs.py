"""Pairs of faces of which the first is to show an expression: Oulu-CASIA and CK+.

FaceLiveNet asks two things at once: is this the person of the reference, who looks neutral, and
does the person show what was asked for? A file of such pairs has a header and eight columns:
number, picture, reference, same person (True or False), expression shown, expression required,
expression of the reference (-1 where neutral has no label), whether the required one is shown.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lifelong.faces.expressions import (
    LABELS,
    Frame,
    ck_frames,
    homes_of,
    oulu_frames,
    rows_of,
)
from lifelong.faces.pairs import Pairs
from lifelong.faces.samples import FaceSet, Sample, pictures_below
from lifelong.plan.errors import DataError

REQUIRED = ("happiness", "happy", "surprise")  # what the released files ask for
_FOLDS = 10  # of pairs, to choose a threshold on the others
_FLAGS = {"True": True, "False": False}
_FIRST_FRAME = "_000"  # of a video of Oulu-CASIA, where the face is neutral


@dataclass(frozen=True)
class ExpressionPair:
    """Two pictures below the root, the label that is asked for, and that of the first picture."""

    picture: str
    reference: str
    required: int
    actual: int

    @property
    def same(self) -> bool:
        """Whether both show one person, whose folder they are in."""
        return person_of(self.picture) == person_of(self.reference)

    @property
    def shown(self) -> bool:
        """Whether the first picture shows what is asked for."""
        return self.required == self.actual


def oulu_casia_pairs(
    root: Path, fold: int, pairs: Path | None = None, folds: Path | None = None
) -> FaceSet:
    """Pairs of the people of the test fold; classes are these people.

    Without a file of pairs they are made, always alike: see `made_pairs`. Raises DataError naming
    file and line, also where labels, folders and flags disagree or somebody is not of that fold.
    """
    frames, classes = oulu_frames(root)
    neutral = {path for path in pictures_below(root) if Path(path).stem.endswith(_FIRST_FRAME)}
    return _face_set(root, frames, classes, neutral, fold, pairs, folds)


def ckplus_pairs(
    root: Path, fold: int, pairs: Path | None = None, folds: Path | None = None
) -> FaceSet:
    """The same of CK+, whose neutral frames have the label 0."""
    frames, classes = ck_frames(root)
    neutral = {frame.path for frame in frames if frame.label == 0}
    return _face_set(root, frames, classes, neutral, fold, pairs, folds)


def read_expression_pairs(
    path: Path, frames: Iterable[Frame], tested: Callable[[str], bool]
) -> list[ExpressionPair]:
    """The pairs of a file, checked against what is known of pictures and of who may be in them.

    Raises DataError naming file and line.
    """
    labels = {frame.path: frame.label for frame in frames}
    return [_pair(where, row, labels, tested) for where, row in rows_of(path, 8)]


def made_pairs(
    frames: Sequence[Frame], neutral: Iterable[str], required: Sequence[int]
) -> list[ExpressionPair]:
    """For every neutral picture and required label one pair of each of four kinds, kind by kind.

    The kinds: the same person shows it, the same person shows another expression, somebody else
    shows it, somebody else shows another. `frames` and `neutral` are of the people who may be in
    them; neutral faces are references alone. Which picture it is, is drawn, always alike.
    """
    random = np.random.RandomState(0)
    references = sorted(neutral)
    shown = sorted((frame.path, frame.label) for frame in frames if frame.path not in references)
    made = []
    for same, asked in ((True, True), (True, False), (False, True), (False, False)):
        for reference in references:
            for label in required:
                able = [
                    (path, actual)
                    for path, actual in shown
                    if (person_of(path) == person_of(reference)) == same
                    and (actual == label) == asked
                ]
                if able:  # of CK+ not everybody shows everything
                    picture, actual = able[random.randint(len(able))]
                    made.append(ExpressionPair(picture, reference, label, actual))
    return made


def person_of(path: str) -> str:
    """Whose picture it is: people have folders."""
    return path.split("/")[0]


def _face_set(
    root: Path,
    frames: list[Frame],
    classes: Sequence[str],
    neutral: set[str],
    fold: int,
    path: Path | None,
    folds: Path | None,
) -> FaceSet:
    homes = homes_of(root, {frame.person for frame in frames}, fold, folds)

    def tested(person: str) -> bool:
        return homes.get(person) == "test"

    if path is not None:
        made = read_expression_pairs(path, frames, tested)
    else:
        able = [frame for frame in frames if tested(frame.person)]
        required = [n for n, name in enumerate(classes) if name.lower() in REQUIRED]
        made = made_pairs(able, {one for one in neutral if tested(person_of(one))}, required)
    if not made:
        raise DataError(f"{path or root}: there is no pair of people of fold {fold}: add some")
    pictures = sorted({name for pair in made for name in (pair.picture, pair.reference)})
    there = pictures_below(root)
    if absent := [name for name in pictures if name not in there]:
        raise DataError(
            f"{len(absent)} of the pictures in {path or root / LABELS} are not in {root} "
            f"({absent[0]}, ...): add them, or remove their lines"
        )
    people = sorted({person_of(name) for name in pictures})
    samples = tuple(
        Sample(name, people.index(person_of(name)), "test", fold, person_of(name))
        for name in pictures
    )
    return FaceSet(root, tuple(people), samples, pairs=_numbered(made, pictures))


def _pair(
    where: str, row: list[str], labels: dict[str, int], tested: Callable[[str], bool]
) -> ExpressionPair:
    picture, reference = (_below(where, text) for text in row[1:3])
    try:
        actual, required, _ = (int(float(text)) for text in row[4:7])
        same, shown = _FLAGS[row[3]], _FLAGS[row[7]]
    except (ValueError, KeyError) as error:
        raise DataError(
            f"{where} should be like '1 picture reference True 3 3 -1 True': mend it"
        ) from error
    pair = ExpressionPair(picture, reference, required, actual)
    for person in (person_of(picture), person_of(reference)):
        if not tested(person):
            raise DataError(
                f"{where}: {person} is not of the fold that is tested on, so it would be measured "
                "on people it learned from: remove the line, or test on another fold"
            )
    if labels.get(picture) != actual:
        known = labels.get(picture, "none")
        raise DataError(
            f"{where}: {picture} has label {actual} here and {known} in {LABELS}: mend it"
        )
    if pair.same != same or pair.shown != shown:
        wrong = "same person" if pair.same != same else "required expression"
        raise DataError(f"{where}: {wrong} is {row[3 if pair.same != same else 7]}: mend it")
    return pair


def _below(where: str, text: str) -> str:
    """Person, video and picture of a path that may be another machine's."""
    parts = text.replace("\\", "/").split("/")[-3:]
    if len(parts) < 3:
        raise DataError(f"{where}: {text} is no path like person/video/picture: mend it")
    return "/".join(parts)


def _numbered(pairs: list[ExpressionPair], pictures: list[str]) -> Pairs:
    """As `faces.pairs` has them; every tenth pair of a kind is of one fold, so folds are alike."""
    row = {name: number for number, name in enumerate(pictures)}
    seen: dict[tuple[bool, bool], int] = {}
    folds = []
    for pair in pairs:
        kind = pair.same, pair.shown
        seen[kind] = seen.get(kind, -1) + 1
        folds.append(seen[kind] % _FOLDS)
    return Pairs(
        np.array([row[pair.picture] for pair in pairs], dtype=np.int64),
        np.array([row[pair.reference] for pair in pairs], dtype=np.int64),
        np.array([pair.same for pair in pairs], dtype=bool),
        np.array(folds, dtype=np.int64),
        np.array([pair.required for pair in pairs], dtype=np.int64),
        np.array([pair.shown for pair in pairs], dtype=bool),
    )
