"""Which face of a photograph counts, and three ways to cut it out; coordinates are x, y in pixels.

`margin_box` is how FaceNet, FaceLiveNet and PAE cropped, `similarity` with `warp` is SphereFace's
and CPG's way. Pictures are uint8 (H, W, 3), sizes (width, height).
"""

import math
from collections.abc import Callable

import numpy as np
from PIL import Image

Box = tuple[int, int, int, int]
Size = tuple[int, int]

TEMPLATE_SIDE = 112
# SphereFace's five points for 96x112 pixels, eight pixels to the right in a square of 112.
TEMPLATE = np.array(
    [
        (38.2946, 51.6963),
        (73.5318, 51.5014),
        (56.0252, 71.7366),
        (41.5493, 92.3655),
        (70.7299, 92.2041),
    ]
)
_CENTRE_WEIGHT = 2.0


def _centred(boxes: np.ndarray, probabilities: np.ndarray, size: Size) -> np.ndarray:
    """Area less twice the squared distance of the centres, in pixels, as FaceNet and PAE chose."""
    offsets = (boxes[:, :2] + boxes[:, 2:]) / 2 - np.array(size) / 2
    return _areas(boxes) - _CENTRE_WEIGHT * (offsets**2).sum(axis=1)


def _largest(boxes: np.ndarray, probabilities: np.ndarray, size: Size) -> np.ndarray:
    return _areas(boxes)


def _likeliest(boxes: np.ndarray, probabilities: np.ndarray, size: Size) -> np.ndarray:
    return probabilities


def _areas(boxes: np.ndarray) -> np.ndarray:
    return (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])


RULES: dict[str, Callable[[np.ndarray, np.ndarray, Size], np.ndarray]] = {
    "centred": _centred,
    "largest": _largest,
    "likeliest": _likeliest,
}


def choose(boxes: np.ndarray, probabilities: np.ndarray, size: Size, rule: str) -> int | None:
    """The row of the face that counts, by RULES; the first of equals.

    Boxes (N, 4) and probabilities (N,) as detected. Boxes that share no pixel with the picture are
    passed over; None where none is left.
    """
    inside = np.minimum(boxes[:, 2:], size) - np.maximum(boxes[:, :2], 0)
    usable = (inside >= 1).all(axis=1)
    if not usable.any():
        return None
    return int(np.argmax(np.where(usable, RULES[rule](boxes, probabilities, size), -np.inf)))


def margin_box(box: np.ndarray, margin_px: float, size: Size) -> Box:
    """A detected box with half of `margin_px` source pixels at each side, cut at the picture's rim.

    As FaceNet did: 44 px for 182, 32 px for 160, whatever the face's size; not square, so that
    `crop` stretches it.
    """
    return _clipped(box, (margin_px, margin_px), size)


def proportional_box(box: np.ndarray, share: float, size: Size) -> Box:
    """A detected box grown by `share` of its own width and height, cut at the picture's rim.

    facenet-pytorch's margin m for a crop of side S is the share m / (S - m).
    """
    return _clipped(box, (share * (box[2] - box[0]), share * (box[3] - box[1])), size)


def centre_box(share: float, size: Size) -> Box:
    """The central square of `share` of the shorter side: where a face is expected but not found."""
    side = max(round(share * min(size)), 1)
    left, top = (size[0] - side) // 2, (size[1] - side) // 2
    return left, top, left + side, top + side


def crop(image: np.ndarray, box: Box, side: int) -> np.ndarray:
    """A box inside a picture, stretched (bilinear) to uint8 (side, side, 3)."""
    left, top, right, bottom = box
    cut = Image.fromarray(image[top:bottom, left:right])  # a copy of the box, not of the picture
    return np.asarray(cut.resize((side, side), Image.Resampling.BILINEAR))


def similarity(points: np.ndarray, template: np.ndarray = TEMPLATE) -> np.ndarray:
    """The turn, scale and shift (2, 3) that takes points (N, 2) nearest to a template (N, 2).

    Least squares without mirroring (Umeyama, 1991). In the plane, with points as complex numbers p
    and q about their means, it is the one factor sum(conj(p) q) / sum(|p|^2). Raises ValueError
    where all points coincide.
    """
    start, goal = (array[:, 0] + 1j * array[:, 1] for array in (points, template))
    moved = start - start.mean()
    spread = (np.abs(moved) ** 2).sum()
    if not spread > 0:
        raise ValueError("all points are one: they fix neither turn nor scale")
    factor = (moved.conj() * (goal - goal.mean())).sum() / spread
    shift = goal.mean() - factor * start.mean()
    turn = np.array([[factor.real, -factor.imag], [factor.imag, factor.real]])
    return np.column_stack([turn, [shift.real, shift.imag]])


def warp(image: np.ndarray, matrix: np.ndarray, side: int = TEMPLATE_SIDE) -> np.ndarray:
    """The picture under a similarity (2, 3), uint8 (side, side, 3), bilinear, black outside.

    Pixel centres are whole numbers in `matrix`, and halves in Pillow. Faces of more than twice the
    size are first halved, or reduced further, because four pixels cannot stand for so many.
    """
    corner = np.array([0.5, 0.5])
    turn = matrix[:, :2]
    back = np.linalg.inv(turn)
    origin = corner - back @ (matrix[:, 2] + corner)
    source = Image.fromarray(image)
    factor = math.floor(math.hypot(*back[0]) + 1e-6)
    if factor > 1:
        source = source.reduce(factor)
        back, origin = back / factor, origin / factor
    coefficients = tuple(np.column_stack([back, origin]).ravel())
    size, bilinear = (side, side), Image.Resampling.BILINEAR
    return np.asarray(source.transform(size, Image.Transform.AFFINE, coefficients, bilinear))


def _clipped(box: np.ndarray, margins: tuple[float, float], size: Size) -> Box:
    x1, y1, x2, y2 = (float(value) for value in box)
    across, down = margins[0] / 2, margins[1] / 2
    return (
        int(max(x1 - across, 0)),
        int(max(y1 - down, 0)),
        int(min(x2 + across, size[0])),
        int(min(y2 + down, size[1])),
    )
