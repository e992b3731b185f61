"""Where the faces of photographs are: MTCNN (Zhang et al., 2016) as facenet-pytorch ships it.

Its weights lie in its wheel, so nothing is fetched. Only `MTCNN.detect` is used: the library's own
choosing, cropping and margins differ from what the papers did, and fail on mixed batches.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

import numpy as np
from PIL import Image

from lifelong.plan.errors import UserError

MIN_FACE_PX = 20
_THRESHOLDS = (0.6, 0.7, 0.7)
_PYRAMID_FACTOR = 0.709
_SMALLEST_INPUT_PX = 12  # what the first of the three networks sees at once


@dataclass(frozen=True)
class Faces:
    """The faces of one picture, likeliest first.

    `boxes` float64 (N, 4): x1, y1, x2, y2 in source pixels, which may lie outside the picture;
    `probabilities` float64 (N,); `landmarks` float64 (N, 5, 2): x, y of the eyes, the nose and
    the corners of the mouth, the one further left in the picture first.
    """

    boxes: np.ndarray
    probabilities: np.ndarray
    landmarks: np.ndarray

    def __len__(self) -> int:
        return len(self.boxes)


NO_FACES = Faces(np.zeros((0, 4)), np.zeros(0), np.zeros((0, 5, 2)))


class Detector:
    """MTCNN with the settings that FaceNet, PAE and CPG share.

    Pictures larger than `max_side` are searched at that size, so there a face must be larger than
    `min_face_px` in proportion. With `batch_size` 1 a picture's boxes depend on nothing but the
    picture; in larger batches of pictures of one size they move by some 1e-5 pixels.
    Raises UserError where facenet-pytorch is not installed.
    """

    def __init__(
        self,
        device: str = "cpu",
        min_face_px: int = MIN_FACE_PX,
        max_side: int = 1024,
        batch_size: int = 1,
    ) -> None:
        self.min_face_px, self.max_side, self.batch_size = min_face_px, max_side, batch_size
        self._mtcnn = _mtcnn(device, min_face_px)

    @property
    def name(self) -> str:
        """What found the faces, for records: package, version and settings."""
        package = f"facenet-pytorch {version('facenet-pytorch')}"
        return f"{package} min_face_px={self.min_face_px} max_side={self.max_side}"

    def detect(self, images: Sequence[np.ndarray]) -> list[Faces]:
        """The faces of every picture, uint8 (H, W, 3) each; the sizes may differ."""
        detections = [NO_FACES] * len(images)
        for image in images:
            if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
                raise ValueError(f"{image.dtype} {image.shape} is not uint8 (H, W, 3)")
        small = [shrunk(image, self.max_side) for image in images]
        for rows in self._batches(small):
            for row, faces in zip(rows, self._search([small[row] for row in rows]), strict=True):
                height, width = small[row].shape[:2]
                scale = np.array([images[row].shape[1] / width, images[row].shape[0] / height])
                detections[row] = _scaled(faces, scale)
        return detections

    def _batches(self, images: list[np.ndarray]) -> Iterator[list[int]]:
        """Rows of pictures of one size; the library fails where no face would fit at all."""
        by_shape: dict[tuple[int, ...], list[int]] = {}
        for row, image in enumerate(images):
            if min(image.shape[:2]) * (_SMALLEST_INPUT_PX / self.min_face_px) >= _SMALLEST_INPUT_PX:
                by_shape.setdefault(image.shape, []).append(row)
        for rows in by_shape.values():
            for start in range(0, len(rows), self.batch_size):
                yield rows[start : start + self.batch_size]

    def _search(self, images: list[np.ndarray]) -> list[Faces]:
        """The library forgets candidates outside the picture, then misses them and stops.

        Such a batch is searched again picture by picture, and such a picture in a black frame.
        """
        try:
            return self._run(np.stack(images))
        except (IndexError, RuntimeError) as error:
            if isinstance(error, RuntimeError) and "non-empty" not in str(error):
                raise
        if len(images) > 1:
            return [self._search([image])[0] for image in images]
        frame = max(images[0].shape[:2])
        framed = np.pad(images[0], ((frame, frame), (frame, frame), (0, 0)))
        (faces,) = self._run(framed[None])
        return [Faces(faces.boxes - frame, faces.probabilities, faces.landmarks - frame)]

    def _run(self, batch: np.ndarray) -> list[Faces]:
        from torch.backends import cudnn

        exact = {"benchmark": False, "deterministic": True, "allow_tf32": False}
        with cudnn.flags(enabled=True, **exact):
            boxes, probabilities, landmarks = self._mtcnn.detect(batch, landmarks=True)
        return [
            _plain(*detection) for detection in zip(boxes, probabilities, landmarks, strict=True)
        ]


def shrunk(image: np.ndarray, max_side: int) -> np.ndarray:
    """The picture with its longer side at most `max_side`, or itself."""
    height, width = image.shape[:2]
    scale = max_side / max(height, width)
    if scale >= 1:
        return image
    size = (max(round(width * scale), 1), max(round(height * scale), 1))
    return np.asarray(Image.fromarray(image).resize(size, Image.Resampling.BILINEAR))


def _mtcnn(device: str, min_face_px: int) -> Any:
    try:
        from facenet_pytorch import MTCNN
    except ImportError as error:
        raise UserError(
            "finding faces needs facenet-pytorch 2.5.3: pip install 'lifelong[faces]'"
        ) from error
    import torch

    with torch.random.fork_rng(devices=[]):  # it draws weights before it loads its own
        mtcnn = MTCNN(
            min_face_size=min_face_px,
            thresholds=list(_THRESHOLDS),
            factor=_PYRAMID_FACTOR,
            select_largest=False,
            device=torch.device(device),
        )
    return mtcnn.eval()


def _plain(boxes: Any, probabilities: Any, landmarks: Any) -> Faces:
    """The library gives arrays of objects, and None where it found nothing."""
    if boxes is None:
        return NO_FACES
    order = np.argsort(-np.asarray(probabilities, dtype=np.float64), kind="stable")
    return Faces(
        np.asarray(boxes, dtype=np.float64)[order],
        np.asarray(probabilities, dtype=np.float64)[order],
        np.asarray(landmarks, dtype=np.float64)[order],
    )


def _scaled(faces: Faces, scale: np.ndarray) -> Faces:
    if (scale == 1).all():
        return faces
    boxes = faces.boxes * np.tile(scale, 2)
    return Faces(boxes, faces.probabilities, faces.landmarks * scale)
