"""Tiny copies of published sets of photographs, in the layouts of their authors."""

from pathlib import Path

import numpy as np
from PIL import Image
from scipy.io import savemat

BOX = (4, 6, 16, 22)  # left, top, right, bottom of what is to be cut out
WHOLE = (0, 0, 20, 30)


def photograph(path: Path, shade: int, box: tuple[int, int, int, int] = BOX) -> None:
    """Grey of a shade inside a box of a black photograph, 20 pixels wide and 30 high."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.zeros((30, 20, 3), np.uint8)
    left, top, right, bottom = box
    pixels[top:bottom, left:right] = shade
    Image.fromarray(pixels).save(path, quality=95)


def cubs(root: Path, count: int = 8) -> None:
    """Two kinds of birds, turn by turn, lighter and lighter; the first three are to test on."""
    lines: dict[str, list[str]] = {name: [] for name in ("images", "labels", "split", "boxes")}
    for number in range(1, count + 1):
        kind = (number + 1) // 2 % 2
        path = f"00{kind + 1}.Bird_{kind}/Bird {number}.jpg"
        photograph(root / "images" / path, 160 // count * number + 60)
        lines["images"].append(f"{number} {path}")
        lines["labels"].append(f"{number} {kind + 1}")
        lines["split"].append(f"{number} {int(number > 3)}")
        lines["boxes"].append(f"{number} 4.0 6.0 12.0 16.0")
    names = {"images": "images", "labels": "image_class_labels", "split": "train_test_split"}
    for key, text in lines.items():
        (root / f"{names.get(key, 'bounding_boxes')}.txt").write_text("\n".join(text) + "\n")
    (root / "classes.txt").write_text("1 001.Bird_0\n2 002.Bird_1\n")


def cars(root: Path, count: int = 4) -> None:
    """Two models, turn by turn, as many photographs to learn from as to test on."""
    (root / "devkit").mkdir(parents=True)
    form = [(f"bbox_{edge}", int) for edge in ("x1", "y1", "x2", "y2")]
    form += [("class", int), ("fname", object)]
    places = {"train": "devkit/cars_train_annos", "test": "cars_test_annos_withlabels"}
    for split, place in places.items():
        rows = [(5, 7, 16, 22, 1 + n % 2, f"{n + 1:05d}.jpg") for n in range(count)]
        savemat(root / f"{place}.mat", {"annotations": np.array(rows, dtype=form)})
        for n in range(count):
            photograph(root / f"cars_{split}" / f"{n + 1:05d}.jpg", 60 + 160 // count * n)
    names = np.array(["Ram C/V Van 2012", "Audi TT"], dtype=object)
    savemat(root / "devkit" / "cars_meta.mat", {"class_names": names})


def flowers(root: Path, train: list[int], valid: list[int], test: list[int]) -> None:
    """Two kinds of flowers: odd numbers are of the first."""
    numbers = sorted([*train, *valid, *test])
    for number in numbers:
        photograph(root / "jpg" / f"image_{number:05d}.jpg", 240 // len(numbers) * number, WHOLE)
    labels = [2 - number % 2 for number in numbers]
    savemat(root / "imagelabels.mat", {"labels": [labels]})
    savemat(root / "setid.mat", {"trnid": [train], "valid": [valid], "tstid": [test]})


def folders(root: Path, tested: str, names: tuple[str, ...], count: int, suffix: str) -> None:
    """`root/{train,<tested>}/<class>/*`, one photograph in four to test on."""
    for label, name in enumerate(names):
        for number in range(count):
            split = "train" if number % 4 else tested
            path = root / split / name / f"{name}_{number}.{suffix}"
            photograph(path, 40 + 150 * label + number, WHOLE)
