"""Copies of photographs with a box around every face and what is said of it beside.

Labels have a ground of their own and cover neither each other nor a face. Those for which the
picture has no room stand in a strip at its right, with a number at the face.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from lifelong import store
from lifelong.faces.detect import shrunk

Rect = tuple[float, float, float, float]  # x1, y1, x2, y2

LEAST_SIDE_PX, MOST_SIDE_PX = 800, 4096  # of a copy's longer side
_FONT_PX = (15, 90)
_LINES = (42, 90)  # how many lines high a square picture of one face is, and of many faces
_LINES_A_FACE = 3
_COLUMNS = 12  # of the strip, about; then it is higher than the picture
_FARTHEST = 1.5  # of a label's height: beyond that it is not seen whose it is
_COLOURS = ("#ffd400", "#00e0ff", "#ff6ad5", "#7dff5a", "#ff8a3c", "#b79bff", "#ff5a5a", "#3cffc8")
_GROUND, _INK = "#101010", "#ffffff"


@dataclass(frozen=True)
class Mark:
    """A face's box in pixels of its photograph, or None for all of it, and lines about it."""

    box: Rect | None
    lines: tuple[str, ...]


class Copies:
    """A folder of annotated copies, JPEG where the photograph is, else PNG.

    None overwrites another of the same run, or one of the photographs.
    """

    def __init__(self, folder: Path, photos: Iterable[Path]) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self._taken = {_same(photo) for photo in photos}

    def add(self, photo: Path, pixels: np.ndarray, marks: Sequence[Mark]) -> Path:
        """Write the copy of a photograph, pixels uint8 (H, W, 3); returns where."""
        path = self._free(photo)
        kind = "JPEG" if path.suffix == ".jpg" else "PNG"
        with store.replacing(path) as temporary:
            annotated(pixels, marks).save(temporary, kind, quality=92)
        return path

    def _free(self, photo: Path) -> Path:
        suffix = ".jpg" if photo.suffix.lower() in (".jpg", ".jpeg", ".jfif") else ".png"
        stem, number = f"{photo.stem[:40]}-faces", 1
        path = self.folder / f"{stem}{suffix}"
        while _same(path) in self._taken:
            number += 1
            path = self.folder / f"{stem}-{number}{suffix}"
        self._taken.add(_same(path))
        return path


def annotated(pixels: np.ndarray, marks: Sequence[Mark]) -> Image.Image:
    """The picture uint8 (H, W, 3) with its marks, enlarged or reduced until they can be read."""
    image = _legible(pixels)
    scale = image.width / pixels.shape[1], image.height / pixels.shape[0]
    sheet = _Sheet(image, len(marks))
    boxes = [None if mark.box is None else _inside(mark.box, scale, image.size) for mark in marks]
    sheet.taken += [box for box in boxes if box is not None]
    for number, (mark, box) in enumerate(zip(marks, boxes, strict=True), 1):
        sheet.mark(box, mark.lines, number, _COLOURS[(number - 1) % len(_COLOURS)])
    return sheet.finished()


@dataclass
class _Sheet:
    """A picture on which labels find their places."""

    image: Image.Image
    faces: int
    taken: list[Rect] = field(default_factory=list)
    strip: list[tuple[tuple[str, ...], str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        least, most = _FONT_PX
        side = math.sqrt(self.image.width * self.image.height)
        lines = min(_LINES[0] + _LINES_A_FACE * (self.faces - 1), _LINES[1])
        self.font_px = int(min(max(side / lines, least), most))
        self.font = _font(self.font_px)
        self.line_px = max(2, self.font_px // 7)
        self.pen = ImageDraw.Draw(self.image)

    def mark(self, box: Rect | None, lines: tuple[str, ...], number: int, colour: str) -> None:
        """Draw a face's box and its label, or its number where the label must go to the strip."""
        alone = self.faces == 1
        label = lines if alone else (f"face {number}", *lines)
        place = None if box is None else self._place(self._size(label), box)
        if box is not None:
            for grown, ink in ((self.line_px, _GROUND), (0, colour)):
                outline = (box[0] - grown, box[1] - grown, box[2] + grown, box[3] + grown)
                self.pen.rectangle(outline, outline=ink, width=self.line_px + grown)
        if place is None:
            self.strip.append((label, colour))
            if box is None or alone:
                return
            label = (str(number),)  # on the face itself where all the rest is full
            place = self._place(self._size(label), box, math.inf) or (box[0], box[1])
        self._label(place, label, colour, box)

    def finished(self) -> Image.Image:
        """The picture, with the labels that found no place in columns at its right."""
        gap, sizes = self.line_px * 2, [self._size(lines) for lines, _ in self.strip]
        if not sizes:
            return self.image
        column = max(width for width, _ in sizes) + gap
        height = max(tall for _, tall in sizes) + 2 * gap
        height = max(height, self.image.height, height * len(sizes) // _COLUMNS)
        places, x, y = [], self.image.width + gap, gap
        for _, tall in sizes:
            if y + tall + gap > height:
                x, y = x + column, gap
            places.append((float(x), float(y)))
            y += tall + gap
        wide = Image.new("RGB", (x + column, height), _GROUND)
        wide.paste(self.image, (0, 0))
        self.image, self.pen = wide, ImageDraw.Draw(wide)
        for place, (lines, colour) in zip(places, self.strip, strict=True):
            self._label(place, lines, colour, None)
        return self.image

    def _size(self, lines: tuple[str, ...]) -> tuple[int, int]:
        width = max(self.font.getlength(line) for line in lines)
        return math.ceil(width) + self.font_px, len(lines) * self._pitch + self.font_px // 2

    @property
    def _pitch(self) -> int:
        return round(self.font_px * 1.25)

    def _place(
        self, size: tuple[int, int], box: Rect, farthest: float = _FARTHEST
    ) -> tuple[float, float] | None:
        """The free place nearest to a box, or None."""
        (width, height), gap = size, self.line_px * 2
        room = self.image.width - width, self.image.height - height
        if min(room) < 0:
            return None
        beside = [box[0] - gap - width, box[0], (box[0] + box[2] - width) / 2]
        across = _candidates([*beside, box[2] - width, box[2] + gap], room[0], self.font_px)
        beside = [box[3] + gap, box[1] - gap - height, box[1], (box[1] + box[3] - height) / 2]
        down = _candidates([*beside, box[3] - height], room[1], self.font_px)
        x, y = (grid.ravel() for grid in np.meshgrid(across, down))
        free = np.ones(len(x), dtype=bool)
        for x1, y1, x2, y2 in self.taken:
            apart = (x + width + gap <= x1) | (x2 + gap <= x) | (y + height + gap <= y1)
            free &= apart | (y2 + gap <= y)
        aside = np.maximum(np.maximum(box[0] - x - width, x - box[2]), 0)
        under = np.maximum(np.maximum(box[1] - y - height, y - box[3]), 0)
        far = np.hypot(aside, under)
        shift = np.hypot(x + width / 2 - (box[0] + box[2]) / 2, y + height / 2 - box[3])
        cost = np.where(free & (far <= farthest * height), far + shift / 100, np.inf)
        best = int(np.argmin(cost))
        return None if np.isinf(cost[best]) else (float(x[best]), float(y[best]))

    def _label(
        self, place: tuple[float, float], lines: tuple[str, ...], colour: str, box: Rect | None
    ) -> None:
        (x, y), (width, height) = place, self._size(lines)
        rect = (x, y, x + width, y + height)
        self.taken.append(rect)
        if box is not None:
            self.pen.line(_between(rect, box), fill=colour, width=self.line_px)
        self.pen.rectangle(rect, fill=_GROUND, outline=colour, width=self.line_px)
        for row, line in enumerate(lines):
            at = (x + self.font_px / 2, y + self.font_px / 4 + row * self._pitch)
            self.pen.text(at, line, fill=_INK, font=self.font)


def _candidates(wanted: Sequence[float], room: float, step: int) -> np.ndarray:
    positions = np.unique(np.concatenate([np.arange(0, room + 1, step), np.rint(wanted)]))
    return positions[(positions >= 0) & (positions <= room)]


def _between(label: Rect, box: Rect) -> list[tuple[float, float]]:
    """The shortest line, level or upright where it can be, between a label and its face."""
    ends: list[list[float]] = [[], []]
    for low, high in ((0, 2), (1, 3)):
        first, last = max(label[low], box[low]), min(label[high], box[high])
        if first <= last:
            pair = ((first + last) / 2,) * 2
        elif label[low] > box[high]:
            pair = (label[low], box[high])
        else:
            pair = (label[high], box[low])
        for end, value in zip(ends, pair, strict=True):
            end.append(value)
    return [(end[0], end[1]) for end in ends]


def _legible(pixels: np.ndarray) -> Image.Image:
    image = Image.fromarray(shrunk(pixels, MOST_SIDE_PX))
    factor = math.ceil(LEAST_SIDE_PX / max(image.size))
    if factor > 1:
        return image.resize((image.width * factor, image.height * factor), Image.Resampling.BICUBIC)
    return image


def _inside(box: Rect, scale: tuple[float, float], size: tuple[int, int]) -> Rect:
    """A box on an enlarged picture; detected ones may reach over the rim."""
    x1, x2 = (min(max(x * scale[0], 0), size[0] - 1) for x in (box[0], box[2]))
    y1, y2 = (min(max(y * scale[1], 0), size[1] - 1) for y in (box[1], box[3]))
    return x1, y1, x2, y2


def _same(path: Path) -> str:
    """One text for one file, also where letters' cases do not count."""
    return str(path.resolve()).casefold()


def _font(size: int) -> ImageFont.FreeTypeFont:
    """matplotlib's DejaVu: it has Greek and Cyrillic letters, which Pillow's own font lacks."""
    import matplotlib

    return ImageFont.truetype(f"{matplotlib.get_data_path()}/fonts/ttf/DejaVuSans.ttf", size)
