"""Face sets whose folders say everything: people, or splits and classes."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from lifelong.faces.samples import FaceSet, Sample, folders_of, pictures_in
from lifelong.plan.errors import DataError

EXPRESSIONS = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")  # FER2013's order
FOTW_GENDERS = ("female", "male", "other")
_SPLITS = {"train": "train", "validation": "validation", "val": "validation", "test": "test"}


def identity_folders(root: Path) -> FaceSet:
    """`root/<person>/*`, as VGGFace2, ORL and CASIA-WebFace are; classes are the sorted people."""
    people = folders_of(root)
    samples = tuple(
        Sample(f"{person}/{name}", label, identity=person)
        for label, person in enumerate(people)
        for name in pictures_in(root / person)
    )
    return FaceSet(root, tuple(people), samples)


def class_folders(root: Path) -> FaceSet:
    """`root/{train,val,test}/<class>/*`, as CPG and PAE lay out gender, emotion and age.

    `train` and one other must be there. Where there is no `test`, `val` is what the papers report,
    and is the test split here. Classes are the sorted folders, the same in every split.
    """
    return _split_folders(root, _splits_in(root), None)


def fer2013(root: Path) -> FaceSet:
    """`root/{train,validation,test}/<expression>/*`: FER2013; validation may be missing."""
    return _split_folders(root, _splits_in(root), EXPRESSIONS)


def fotw(root: Path) -> FaceSet:
    """`root/{train,val}/{female,male,other}/*`: Faces of the World (ChaLearn LAP, 2016).

    The labels of its test split are not public, so `val` is the test split here.
    """
    return _split_folders(root, _splits_in(root), FOTW_GENDERS)


def _splits_in(root: Path) -> dict[str, str]:
    """Which split every folder is; `val` is the test split where there is no other."""
    splits = {name: _SPLITS[name] for name in folders_of(root) if name in _SPLITS}
    if "train" not in splits or len(splits) < 2:
        raise DataError(f"{root} must hold folder train and one of val, validation and test")
    if len(set(splits.values())) < len(splits):
        raise DataError(f"{root} holds val and validation: keep one of them")
    if "test" not in splits.values():
        return {name: "train" if name == "train" else "test" for name in splits}
    return splits


def _split_folders(root: Path, splits: Mapping[str, str], classes: Sequence[str] | None) -> FaceSet:
    expected = list(classes) if classes else folders_of(root / "train")
    samples: list[Sample] = []
    for folder, split in splits.items():
        folders = folders_of(root / folder)
        if odd := sorted(set(folders) ^ set(expected)):
            raise DataError(
                f"{root / folder} must hold the folders {', '.join(expected)}: "
                f"add, rename or remove {', '.join(odd)}"
            )
        for label, name in enumerate(expected):
            pictures = pictures_in(root / folder / name)
            samples += [Sample(f"{folder}/{name}/{one}", label, split) for one in pictures]
    return FaceSet(root, tuple(expected), tuple(samples))
