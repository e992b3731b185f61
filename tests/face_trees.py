"""Small face data sets in the layouts of the large ones."""

import zlib
from pathlib import Path

import numpy as np
from PIL import Image

from lifelong.faces.adience import AGES as GROUPS
from lifelong.faces.expressions import OULU_CASIA
from lifelong.plan.code import load
from lifelong.plan.sources import SOURCES

PEOPLE = [f"P{number:03d}" for number in range(1, 11)]
AGES = [f"({low}, {high})" for low, high in GROUPS]


def grow(root: Path, *names: str) -> Path:
    """Empty files: nothing here opens a picture."""
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    return root


def text(path: Path, *lines: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n")
    return path


def read(name: str, root: Path, **options):
    return load(SOURCES[name].reader)(root, **options)


def labels(found) -> dict[str, int]:
    return {sample.path: sample.label for sample in found.samples}


def draw(root: Path, *names: str, side: int = 24, classes: int = 4) -> Path:
    """Pictures whose folder decides how bright they are, with noise; the same for the same name."""
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        bright = zlib.crc32(path.parent.name.encode()) % classes * (200 // classes)
        noise = np.random.default_rng(zlib.crc32(name.encode()))
        pixels = noise.integers(bright, bright + 56, (side, side, 3), np.uint8)
        Image.fromarray(pixels).save(path)
    return root


def draw_orl(root: Path, people: int = 3, each: int = 8) -> Path:
    """`root/s1/1.png`, and so on."""
    names = (f"s{person}/{i}.png" for person in range(1, people + 1) for i in range(1, each + 1))
    return draw(root, *names)


def draw_lfw(root: Path, people: int = 4, folds: int = 2) -> Path:
    """`root/images/<person>/<person>_0001.png` and so on, three each, and `root/pairs.txt`."""
    names = [f"P{person}" for person in range(people)]
    draw(root / "images", *(f"{one}/{one}_{i:04d}.png" for one in names for i in (1, 2, 3)))
    lines = [f"{folds}\t2"]
    for fold in range(folds):
        a, b = names[2 * fold : 2 * fold + 2]
        lines += [f"{a}\t1\t2", f"{b}\t1\t3", f"{a}\t1\t{b}\t1", f"{a}\t2\t{b}\t3"]
    text(root / "pairs.txt", *lines)
    return root


def draw_oulu(root: Path, *, neutral: bool = False) -> Path:
    """Oulu-CASIA of PEOPLE, two frames of every expression, and a neutral one where it is asked."""
    lines = ["No subject expression label path"]
    for person in PEOPLE:
        for label, expression in enumerate(OULU_CASIA):
            stem = f"{person}/{expression}/{person}_{expression}"
            rows = [(expression, label + neutral, f"{stem}_{frame:03d}.png") for frame in (21, 22)]
            rows += [("Neutral", 0, f"{stem}_000.png")] if neutral else []
            draw(root, *(path for *_, path in rows), side=8, classes=6)
            lines += [f"{len(lines)} {person} {e} {n} /data/old/{path}" for e, n, path in rows]
    text(root / "labels.txt", *lines)
    return root


def draw_splits(root: Path, splits: tuple[str, ...], classes: tuple[str, ...], each: int) -> Path:
    """`root/<split>/<class>/0.png` and so on."""
    places = (f"{split}/{name}" for split in splits for name in classes)
    return draw(root, *(f"{place}/{i}.png" for place in places for i in range(each)))


def draw_adience(root: Path, each: int = 8) -> Path:
    """Five folds of one album, every age group and both genders in each."""
    header = "\t".join(("user_id", "original_image", "face_id", "age", "gender"))
    for fold in range(5):
        rows = [(f"{i}.png", AGES[i % len(AGES)], "mf"[i % 2]) for i in range(each)]
        lines = (f"u{fold}\t{name}\t1\t{age}\t{gender}" for name, age, gender in rows)
        text(root / f"fold_{fold}_data.txt", header, *lines)
        names = (f"aligned/u{fold}/landmark_aligned_face.1.{name}" for name, _, _ in rows)
        draw(root, *names)
    return root


def draw_affectnet(root: Path, each: int = 4) -> Path:
    """Both tables and `root/images`, codes 0 to 10, of which seven are used."""
    for name in ("training", "validation"):
        rows = [(f"{name}/{code}-{i}.png", code) for code in range(11) for i in range(each)]
        draw(root / "images", *(picture for picture, _ in rows))
        lines = (f"{picture},{code}" for picture, code in rows)
        text(root / f"{name}.csv", "subDirectory_filePath,expression", *lines)
    return root


def draw_utkface(root: Path, ages: tuple[int, ...], each: int) -> Path:
    """`root/images` and `root/labels.csv`, both genders of every age."""
    rows = [(age, gender, i) for age in ages for gender in (0, 1) for i in range(each)]
    names = [f"{age}-{gender}-{i}.png" for age, gender, i in rows]
    draw(root / "images", *names)
    lines = (f"{name},{age},{gender}" for name, (age, gender, _) in zip(names, rows, strict=True))
    text(root / "labels.csv", "file,age,gender", *lines)
    return root
