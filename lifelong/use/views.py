"""One picture file as tasks see it: all of it, or the faces in it, in the form of a pack."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from PIL import Image

from lifelong.data.images import Framing, decode, picture, seen
from lifelong.faces.detect import Faces
from lifelong.faces.photos import FaceAlignment, align
from lifelong.faces.read import MIN_SIDE_PX, Photo, read_photo
from lifelong.faces.rows import Status
from lifelong.plan.errors import DataError, printable
from lifelong.use.answers import Face
from lifelong.use.inputs import Input


@dataclass(frozen=True)
class View:
    """How a picture, or with an alignment a face in it, becomes an image of a task."""

    how: FaceAlignment | None
    framing: Framing

    def of(self, pixels: np.ndarray, face: Faces) -> np.ndarray | None:
        """A face as a pack would hold it, uint8 (C, side, side), or None where nothing is left."""
        assert self.how is not None
        _, cut = align("", pixels, face, self.how)
        return None if cut is None else self.whole(Image.fromarray(cut))

    def whole(self, image: Image.Image, path: Path | None = None) -> np.ndarray:
        """All of a picture, in the same form; `path` is that of its file, if it has one."""
        if self.framing.quality and path is not None:  # some files are kept as they are
            return picture(path, self.framing)
        return seen(image, self.framing, "a picture")


@dataclass(frozen=True)
class Cut:
    """A face that was found, or all of a picture, as each of its views shows it."""

    face: Face
    images: dict[View, np.ndarray]


@dataclass(frozen=True)
class Decoded:
    """A picture that was read: `whole` as views of all of it show it, `photo` to find faces in."""

    picture: Input
    size: tuple[int, int] = (0, 0)
    whole: Cut | None = None
    photo: Photo | None = None
    refused: str = ""
    why: str = ""


def read_picture(given: Input, whole: set[View], faces: bool) -> Decoded:
    """A picture, to be looked at as a whole as packs hold it, or to find faces in, or both."""
    decoded = Decoded(given)
    if given.path.is_dir():
        unreadable = str(Status.UNREADABLE)
        return replace(decoded, refused=unreadable, why="a folder without pictures")
    if whole:
        try:
            image = decode(given.path)
            images = {view: view.whole(image, given.path) for view in whole}
        except DataError as error:
            missing = not given.path.exists()
            status = Status.MISSING if missing else Status.UNREADABLE
            why = "there is no such file" if missing else _without(str(error), given.path)
            return replace(decoded, refused=str(status), why=why)
        decoded = replace(decoded, size=image.size, whole=Cut(Face(None, None), images))
    if faces:
        photo = read_photo(given.path, MIN_SIDE_PX)
        if photo.pixels is None:
            return replace(decoded, refused=str(photo.refused), why=photo.why)
        height, width, _ = photo.pixels.shape
        decoded = replace(decoded, size=(width, height), photo=photo)
    return decoded


def _without(message: str, path: Path) -> str:
    """A message about a file, without the name that it begins with."""
    return message.removeprefix(f"{printable(str(path))} ")
