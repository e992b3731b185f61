"""Wrong images on the way into a pack."""

# ruff: noqa: E501 - one case a line, as in a table

import os
import pickle
import shutil
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from bad_input.case import IMAGES, Case, Make, edited
from PIL import Image

PACK = ("stage", "results/tiny/pack_data/shapes/pack.h5")
PICTURE = "raw/train/dark/3.png"
BROKEN = f"{PICTURE} cannot be read as a picture: mend or remove it"
SUFFIXES = "(.jpg .jpeg .jfif .png .bmp .webp .pgm .ppm .tif .tiff)"


class Trap:
    """Unpickled, it would leave a file called pwned."""

    def __reduce__(self) -> Any:
        return os.system, ("touch pwned",)


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def png(side: int, *extra: bytes) -> bytes:
    """A PNG that says it is `side` pixels wide and holds 8 x 8 black ones."""
    head = _chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0))
    end = _chunk(b"IDAT", zlib.compress(b"\0" * 72)) + _chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + head + b"".join(extra) + end


def _odd_tiff(folder: Path) -> None:
    """Where its pixels lie is a text, over which Pillow stumbles with a TypeError."""
    path = folder / "raw/train/dark/z.tif"
    Image.new("L", (8, 8)).save(path)
    offsets, whole = 273, path.read_bytes()
    path.write_bytes(whole.replace(struct.pack("<HH", offsets, 4), struct.pack("<HH", offsets, 2)))


def _bytes(content: bytes | Callable[[bytes], bytes]) -> Make:
    def make(folder: Path) -> None:
        path = folder / PICTURE
        path.write_bytes(content if isinstance(content, bytes) else content(path.read_bytes()))

    return make


def _several_broken(folder: Path) -> None:
    for name in ("dark/1", "light/0", "light/2"):
        (folder / f"raw/train/{name}.png").write_bytes(b"\xff\xd8\xff")


def _class_broken(folder: Path) -> None:
    """All test pictures of a class, where broken ones are to be left out."""
    edited(f"{_SHAPES}.bad_images", "skip", IMAGES)(folder)
    for file in (folder / "raw/test/light").iterdir():
        file.write_bytes(b"no picture")


def _saved(image: Image.Image, name: str = PICTURE) -> Make:
    return lambda folder: image.save(folder / name)


def _held_out(*names: str) -> Make:
    def make(folder: Path) -> None:
        for name in names:
            shutil.copytree(folder / "raw/test/dark", folder / "raw" / name / "dark")

    return make


def _frames(folder: Path) -> None:
    frames = [Image.new("L", (8, 8), shade) for shade in (0, 9)]
    frames[0].save(folder / PICTURE, save_all=True, append_images=frames[1:])


def _without(name: str) -> Make:
    return lambda folder: shutil.rmtree(folder / name)


def _emptied(name: str) -> Make:
    def make(folder: Path) -> None:
        for path in sorted((folder / name).rglob("*"), reverse=True):
            path.rmdir() if path.is_dir() else path.unlink()

    return make


def _root_is_a_file(folder: Path) -> None:
    shutil.rmtree(folder / "raw")
    (folder / "raw").write_text("x")


def _pipe(folder: Path) -> None:
    (folder / PICTURE).unlink()
    os.mkfifo(folder / PICTURE)


def _dangling(folder: Path) -> None:
    (folder / PICTURE).unlink()
    (folder / PICTURE).symlink_to("nowhere.png")


def _one_training_image(folder: Path) -> None:
    for i in range(1, 4):
        (folder / f"raw/train/dark/{i}.png").unlink()


def _renamed(name: bytes) -> Make:
    def make(folder: Path) -> None:
        for split in (b"train", b"test"):
            raw = os.fsencode(folder) + b"/raw/" + split
            os.rename(raw + b"/dark", raw + b"/" + name)

    return make


def _odd_picture_name(folder: Path) -> None:
    path = os.path.join(os.fsencode(folder), b"raw/train/dark/\xff\n\x1b[31m$(touch pwned).png")
    Path(os.fsdecode(path)).write_bytes(b"no picture")


def _published(source: str, *classes: str, **more: Any) -> Make:
    """A published data set, said to lie where the pictures are."""
    sets = {"shapes": {"source": source, "root": "raw", **more}}
    return edited("tasks.0.classes", list(classes), IMAGES | {"datasets": sets})


_COLOUR = Image.fromarray(np.random.default_rng(0).integers(0, 255, (8, 8, 3), np.uint8))
_DEEP = Image.fromarray(np.full((8, 8), 40000, np.uint16))
_ZIP_TEXT = _chunk(b"zTXt", b"k\0\0" + zlib.compress(b"a" * (2 << 20)))
_SHAPES = "datasets.shapes"
_IN_COLOUR = "is in colour: set channels to 3, or convert it to grey first"
# what is wrong | message | what to do | how it is made
_TABLE: list[tuple[str, str, str, Make]] = [
    ("the root folder is missing", "there is no folder raw: check root and source", "correct root", _without("raw")),
    ("the root folder is a file", "there is no folder raw: check root and source", "unpack it", _root_is_a_file),
    ("the root folder is empty", "raw holds no folders, but should hold one per class or group", "put the images there", _emptied("raw")),
    ("the root folder is of a user who is not there", "root ~nobody9/x begins with ~ and nobody's name", "write the whole path", edited(f"{_SHAPES}.root", "~nobody9/x", IMAGES)),
    ("the root folder's name is too long", "cannot read the folder xxx…: File name too long", "correct root", edited(f"{_SHAPES}.root", "x" * 300, IMAGES)),
    ("the root folder's name has a zero byte", r"cannot read the folder a\x00b: embedded null byte", "correct root", edited(f"{_SHAPES}.root", "a\0b", IMAGES)),
    ("no test folder", "there is no folder raw/test: check root and source", "add test images", _without("raw/test")),
    ("test images and no training images", "raw has a folder test but none called train: add it", "add training images", _without("raw/train")),
    ("two folders of validation images", "raw has both val and valid: keep one of them", "keep one", _held_out("val", "valid")),
    ("a validation folder without a class", "light must be a folder both in raw/train and in raw/val", "add it", _held_out("val")),
    ("a class that has no folder", "config key tasks: raw has no class 'lite' (task 'a'); did you mean 'light'?", "correct its name", edited("tasks.0.classes", ["dark", "lite"], IMAGES)),
    ("a class without test images", "light must be a folder both in raw/train and in raw/test", "add them", _without("raw/test/light")),
    ("a class folder without pictures", "raw/test/light holds no pictures: add some or remove the class", "add some", _emptied("raw/test/light")),
    ("a folder in a class", f"raw/train/dark/sub is no picture {SUFFIXES}: move it elsewhere", "move it", lambda folder: (folder / "raw/train/dark/sub").mkdir()),
    ("a text file in a class", f"raw/train/dark/notes.txt is no picture {SUFFIXES}: move it elsewhere", "move it", lambda folder: (folder / "raw/train/dark/notes.txt").touch()),
    ("a picture that is a link to nothing", f"{PICTURE} is no picture {SUFFIXES}: move it elsewhere", "restore it", _dangling),
    ("a picture that is a pipe", f"{PICTURE} is no picture {SUFFIXES}: move it elsewhere", "remove it", _pipe),
    ("a class with one training image", "class dark has one image and cannot be split: add another", "add another", _one_training_image),
    ("a class folder whose name is not UTF-8", r"the name of folder raw/train/\udcff cannot be printed: rename it", "rename it", _renamed(b"\xff")),
    ("a class folder with a line break in its name", r"the name of folder raw/train/a\nb cannot be printed: rename it", "rename it", _renamed(b"a\nb")),
    ("a picture of zero bytes", BROKEN, "replace it", _bytes(b"")),
    ("a truncated picture", BROKEN, "replace it", _bytes(lambda whole: whole[:-30])),
    ("a picture with a flipped bit", BROKEN, "replace it", _bytes(lambda whole: whole[:45] + bytes([whole[45] ^ 1]) + whole[46:])),
    ("several broken pictures", "raw/train/dark/1.png and 2 more cannot be used as pictures, the log says why: mend or remove them, or set bad_images: skip", "replace them, or leave them out", _several_broken),
    ("no whole test picture of a class, where broken ones are left out", "class light has no usable picture left in the test split: mend raw/test/light/0.png", "replace one of them", _class_broken),
    ("a text called .png", BROKEN, "remove it", _bytes(b"no picture")),
    ("a pickle called .png", BROKEN, "remove it", _bytes(pickle.dumps(Trap()))),
    ("a PostScript program called .png", BROKEN, "remove it", _bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 8\n")),
    ("a TIFF with a tag of another type", "raw/train/dark/z.tif cannot be read as a picture: mend or remove it", "replace it", _odd_tiff),
    ("a picture of 60000 x 60000 pixels", f"{PICTURE} has too many pixels: shrink or remove it (…)", "shrink it", _bytes(png(60000))),
    ("a picture with a text that unpacks to megabytes", BROKEN, "remove the text", _bytes(png(8, _ZIP_TEXT))),
    ("a broken picture with an odd name", r"raw/train/dark/\udcff\n\x1b[31m$(touch pwned).png cannot be read as a picture: mend or remove it", "remove it", _odd_picture_name),
    ("a colour picture for one channel", f"{PICTURE} {_IN_COLOUR}", "set channels: 3", _saved(_COLOUR)),
    ("a CMYK picture for one channel", f"raw/train/dark/z.jpg {_IN_COLOUR}", "set channels: 3", _saved(_COLOUR.convert("CMYK"), "raw/train/dark/z.jpg")),
    ("a palette of colours for one channel", f"{PICTURE} {_IN_COLOUR}", "set channels: 3", _saved(_COLOUR.convert("P"))),
    ("a picture of 16 bits", f"{PICTURE} has more than 8 bits per channel: save it with 8 bits", "save it with 8 bits", _saved(_DEEP)),
    ("a transparent picture", f"{PICTURE} is transparent: lay it on a background of your choice first", "remove the transparency", _saved(Image.new("RGBA", (8, 8), (1, 1, 1, 9)))),
    ("a picture of 16 bits in colour", f"{PICTURE} has more than 8 bits per channel: save it with 8 bits", "save it with 8 bits", _bytes(b"P6\n1 1\n65535\n\0\1\0\1\0\1")),
    ("a picture of two frames", f"{PICTURE} holds 2 pictures: save the one you want as a file of its own", "save one frame alone", _frames),
    ("an animation", f"raw/train/dark/z.gif is no picture {SUFFIXES}: move it elsewhere", "save one frame as PNG", _saved(Image.new("L", (8, 8)), "raw/train/dark/z.gif")),
    ("a folder tree where CIFAR-100's archive should be", "no whole CIFAR-100 archive in raw/cifar-100-python: `download: true` fetches it (…)", "set download: true, or another source", _published("cifar100", "beaver", "seal")),
    ("a tree of other pictures for CIFAR-100", "raw/train/dark holds no folders, but should hold one per class or group", "use source: image_folder", _published("cifar100_folders", "beaver", "seal")),
    ("a folder tree where STL-10's binaries should be", "raw/stl10_binary holds no train_X.bin: `download: true` fetches STL-10", "set download: true, or unpack it", _published("stl10", "cat", "dog")),
    ("a folder tree where the lists of CUBS should be", "there is no file raw/classes.txt: check root and source", "unpack the archive, or use source: image_folder", _published("cubs_cropped", "dark", "light", image_size=8)),
    ("a folder tree where Stanford Cars' lists should be", "there is no file raw/devkit/cars_meta.mat: check root and source", "unpack the archives, or use source: image_folder", _published("stanford_cars_cropped", "dark", "light", image_size=8)),
    ("ImageNet without its validation photographs", "there is no folder raw/val: check root and source", "unpack them", _published("imagenet", "dark", "light", image_size=8)),
    ("a set of torchvision whose files are not there", "no whole FashionMNIST in raw: `download: true` fetches most (…)", "set download: true, or copy them", _published("torchvision", "Sandal", "Bag", name="FashionMNIST", image_size=28)),
    ("a set of torchvision without classes", "torchvision cannot open CocoCaptions so: …; mend options", "use another set", _published("torchvision", "a", "b", name="CocoCaptions", image_size=28)),
    ("Office-Home without one of its domains", "raw holds no folder Product: unpack the whole archive", "unpack it again", _published("office_home", "Product/TV", "Product/Bed", image_size=8)),
]  # fmt: skip
CASES = [
    *(Case(wrong, says, do, make, PACK, start="pictures") for wrong, says, do, make in _TABLE),
    Case(
        "a draw of more images than a class has",
        "class 0 has 107 train images and draw asks for 108: draw fewer, or set the validation "
        "share of the data set",
        "draw fewer",
        edited("tasks.0.draw", {"train": 108, "validation": 5}),
        ("stage", "results/tiny/packnet/s0/01-a/train/manifest.json"),
        start="finished",
    ),
]
