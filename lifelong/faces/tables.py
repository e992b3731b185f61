"""Face sets with a table of labels, or labels in file names: AffectNet and UTKFace."""

import csv
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from lifelong.faces.samples import FaceSet, Sample, check_absent, lines_of, pictures_below, whole
from lifelong.plan.errors import DataError

EMOTIONS = ("neutral", "happy", "sad", "surprise", "fear", "disgust", "anger")
_UNUSED = {8: "none", 9: "uncertain", 10: "no face"}
_AFFECTNET_PATH, _AFFECTNET_CODE = "subDirectory_filePath", "expression"
_AFFECTNET_CODE_COLUMN = 6  # of a table without its header

AGE_GROUPS = ((0, 2), (3, 6), (7, 12), (13, 20), (21, 32), (33, 43), (44, 53), (54, 120))
GENDERS = ("male", "female")  # UTKFace's 0 and 1
_OFFICIAL = re.compile(r"(\d{1,3})_([01])_")  # age_gender_race_time; some names lack the race


def affectnet(
    root: Path, images: str = ".", contempt: bool = False, missing: str = "refuse"
) -> FaceSet:
    """`root/training.csv` and `root/validation.csv` of pictures in `root/<images>/`: AffectNet.

    Expressions 0 to 6 as PAE and CPG use them, and 7 with `contempt`; others are left out and
    counted. Labels of its test split are not public, so validation is the test split here. Raises
    DataError naming file and line.
    """
    classes = (*EMOTIONS, "contempt") if contempt else EMOTIONS
    there = pictures_below(root / images)
    samples: list[Sample] = []
    left_out: Counter[str] = Counter()
    absent: list[str] = []
    for name, split in (("training.csv", "train"), ("validation.csv", "test")):
        before = len(absent)
        for picture, code in _affectnet_rows(root / name):
            if code >= len(classes):
                left_out[_UNUSED.get(code, "contempt")] += 1
            elif picture not in there:
                absent.append(picture)
            else:
                samples.append(Sample((Path(images) / picture).as_posix(), code, split))
        check_absent(absent[before:], root / images, root / name, missing)
    return FaceSet(root, classes, tuple(samples), dict(left_out), tuple(absent))


def utkface(root: Path, task: str) -> FaceSet:
    """UTKFace for `age` (AGE_GROUPS) or `gender`: by its own file names, or by a table of labels.

    Either `root/**/<age>_<gender>_<race>_<time>.jpg`, or `root/labels.csv` with columns file, age
    and gender beside `root/images/`. It has no splits. Official names without age or gender, of
    which there are a few, are left out and counted. Raises DataError naming file and line.
    """
    if task not in ("age", "gender"):
        raise DataError(f"UTKFace has no task {task}: choose age or gender")
    table = root / "labels.csv"
    labelled, left_out = _utk_table(root, table) if table.exists() else _utk_names(root)
    if not labelled:
        raise DataError(f"{root} holds neither labels.csv nor pictures named like 26_1_0_2017.jpg")
    classes: tuple[str, ...] = GENDERS
    if task == "age":
        classes = tuple(f"{low}-{high}" for low, high in AGE_GROUPS)
    samples = tuple(
        Sample(path, _age_group(age) if task == "age" else gender) for path, age, gender in labelled
    )
    return FaceSet(root, classes, samples, left_out)


def rows_of(path: Path, delimiter: str) -> Iterator[tuple[str, list[str]]]:
    """The rows of a table, each with its place for messages; empty ones are passed over."""
    lines = lines_of(path)
    if delimiter == "\t":  # there a quotation mark is a letter
        reader = csv.reader(lines, delimiter=delimiter, quoting=csv.QUOTE_NONE)
    else:
        reader = csv.reader(lines, delimiter=delimiter)
    try:
        for row in reader:
            if row:
                yield f"{path}, line {reader.line_num}", row
    except csv.Error as error:
        raise DataError(f"{path}, line {reader.line_num}: {error}; mend the table") from error


def columns(where: str, header: list[str], wanted: tuple[str, ...]) -> list[int]:
    """Where the wanted columns are; DataError where one is missing."""
    lacking = [name for name in wanted if name not in header]
    if lacking:
        raise DataError(f"{where} should name the column {lacking[0]}: mend the table")
    return [header.index(name) for name in wanted]


def _affectnet_rows(path: Path) -> Iterator[tuple[str, int]]:
    """Pictures and codes; some releases' validation table has no header."""
    at, code_at = 0, _AFFECTNET_CODE_COLUMN
    for number, (where, row) in enumerate(rows_of(path, ",")):
        if number == 0 and _AFFECTNET_PATH in row:
            at, code_at = columns(where, row, (_AFFECTNET_PATH, _AFFECTNET_CODE))
            continue
        if len(row) <= max(at, code_at):
            raise DataError(f"{where} has {len(row)} columns, too few: mend the table")
        code = whole(row[code_at])
        if code is None or code > max(_UNUSED):
            raise DataError(f"{where}: expression {row[code_at]!r} is none of 0 to 10: mend it")
        yield row[at], code


Labelled = list[tuple[str, int, int]]


def _utk_table(root: Path, table: Path) -> tuple[Labelled, dict[str, int]]:
    there, labelled, absent = pictures_below(root / "images"), [], []
    at: list[int] = []
    for where, row in rows_of(table, ","):
        if not at:
            at = columns(where, row, ("file", "age", "gender"))
            continue
        if len(row) <= max(at):
            raise DataError(f"{where} has {len(row)} columns, too few: mend the table")
        name, age, gender = row[at[0]], whole(row[at[1]]), whole(row[at[2]])
        if age is None or age > AGE_GROUPS[-1][1] or gender not in (0, 1):
            given = f"age {row[at[1]]!r}, gender {row[at[2]]!r}"
            raise DataError(f"{where}: {given} should be years up to 120 and 0 or 1: mend it")
        if name in there:
            labelled.append((f"images/{name}", age, gender))
        else:
            absent.append(name)
    check_absent(absent, root / "images", table, "refuse")
    return labelled, {}


def _utk_names(root: Path) -> tuple[Labelled, dict[str, int]]:
    labelled, odd = [], 0
    for path in sorted(pictures_below(root)):
        named = _OFFICIAL.match(path.rpartition("/")[2])
        if named and int(named[1]) <= AGE_GROUPS[-1][1]:
            labelled.append((path, int(named[1]), int(named[2])))
        else:
            odd += 1
    return labelled, {"name without age or gender": odd} if odd else {}


def _age_group(age: int) -> int:
    return next(label for label, (_, high) in enumerate(AGE_GROUPS) if age <= high)
