"""What a model answered on the test pictures: confusion of classes, and pictures it got wrong.

Both are CSV beside the record of `infer`, so that a report needs no images and no torch.
"""

import base64
import csv
import io
from collections.abc import Iterable
from dataclasses import astuple, dataclass, fields

import torch
from PIL import Image
from torch import Tensor

from lifelong.data.batches import TaskData
from lifelong.data.device_split import images_at

PICTURES = 6  # per task, those that the model was most certain of
_SIDE = 64  # pixels; larger pictures are made smaller


@dataclass(frozen=True)
class Answers:
    """How many test images of one class got one answer."""

    on_task: str
    label: str
    answer: str
    images: int


@dataclass(frozen=True)
class Mistake:
    """One test image with a wrong answer: its class, the answer, how certain, a PNG in base64."""

    on_task: str
    label: str
    answer: str
    probability: float
    png: str


def answers(task: str, data: TaskData, logits: Tensor) -> list[Answers]:
    """The confusion matrix of `logits` (images, classes) on the test split, without its zeros."""
    count = len(data.classes)
    pairs = data.test.labels * count + logits.argmax(1)
    numbers = torch.bincount(pairs, minlength=count * count).reshape(count, count).tolist()
    names = data.classes
    return [
        Answers(task, names[label], names[answer], images)
        for label, row in enumerate(numbers)
        for answer, images in enumerate(row)
        if images
    ]


def mistakes(task: str, data: TaskData, logits: Tensor) -> list[Mistake]:
    """The wrong answers on the test split that `logits` (images, classes) are most certain of."""
    probabilities, given = logits.double().softmax(1).max(1)
    wrong = (given != data.test.labels).nonzero().flatten()
    order = probabilities[wrong].argsort(descending=True, stable=True)
    shown = wrong[order[:PICTURES]].tolist()
    pictures = list(images_at(data.test, shown)) if shown else []
    return [
        Mistake(
            task,
            data.classes[int(data.test.labels[image])],
            data.classes[int(given[image])],
            round(float(probabilities[image]), 4),
            _png(picture),
        )
        for image, picture in zip(shown, pictures, strict=True)
    ]


def to_csv(kind: type[Answers] | type[Mistake], lines: Iterable[Answers | Mistake]) -> str:
    """CSV text: one line per answer or mistake, a header even where there is none."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([field.name for field in fields(kind)])
    writer.writerows(map(astuple, lines))
    return text.getvalue()


def _png(pixels: Tensor) -> str:
    """A picture (C, H, W) uint8 of one or three channels as PNG in base64."""
    shown = pixels.cpu().permute(1, 2, 0)
    picture = Image.fromarray(shown.squeeze(-1).numpy() if shown.shape[-1] == 1 else shown.numpy())
    picture.thumbnail((_SIDE, _SIDE))
    file = io.BytesIO()
    picture.save(file, "PNG", optimize=True)
    return base64.b64encode(file.getvalue()).decode("ascii")
