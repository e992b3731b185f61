"""What became of every photograph: one row each, whatever happened to it."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from lifelong.plan.errors import printable


class Status(StrEnum):
    """The one list of what can become of a photograph; only the first two leave a picture."""

    ALIGNED = "aligned"
    CENTER_CROPPED = "center_cropped"  # no face was found, and the set's policy is center_crop
    NO_FACE = "no_face"
    TOO_SMALL = "too_small"
    TOO_LARGE = "too_large"
    UNREADABLE = "unreadable"  # truncated, empty, no picture, a folder, not allowed
    MISSING = "missing"
    BAD_NAME = "bad_name"  # no text, so that no table could name it


COLUMNS = (
    *("path", "status", "why", "width", "height", "faces", "chosen", "probability"),
    *(f"box_{name}" for name in ("x1", "y1", "x2", "y2")),
    *(f"crop_{name}" for name in ("x1", "y1", "x2", "y2")),
    *(
        f"{point}_{axis}"
        for point in ("left_eye", "right_eye", "nose", "left_mouth", "right_mouth")
        for axis in ("x", "y")
    ),
)


@dataclass(frozen=True)
class FaceRow:
    """One photograph. Sizes, boxes and landmarks are in its pixels, upright as its EXIF says.

    `chosen` counts the faces from 0, -1 where none was chosen; then `box` and `landmarks` (x, y
    of five points, flat) are empty. `crop` is empty unless a box was cut out.
    """

    path: str
    status: Status
    why: str = ""
    width: int = 0
    height: int = 0
    faces: int = 0
    chosen: int = -1
    probability: float | None = None
    box: tuple[float, ...] = ()
    crop: tuple[int, ...] = ()
    landmarks: tuple[float, ...] = ()

    def cells(self) -> list[str]:
        """The row as text under COLUMNS, the same for the same photograph."""
        probability = [] if self.probability is None else [self.probability]
        return [
            *(printable(self.path), self.status.value, printable(self.why)),
            *(str(self.width), str(self.height), str(self.faces), str(self.chosen)),
            *_filled(probability, 1),
            *_filled(self.box, 4),
            *_filled(self.crop, 4),
            *_filled(self.landmarks, 10),
        ]


def _filled(values: Sequence[float], count: int) -> list[str]:
    """Numbers as text, or as many empty cells."""
    if not values:
        return [""] * count
    return [str(value) if isinstance(value, int) else f"{value:.4f}" for value in values]
