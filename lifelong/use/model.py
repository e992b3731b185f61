"""A trained model in Python: what `lifelong.load` returns."""

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from itertools import islice
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from lifelong.data.device_split import Normal
from lifelong.data.images import Framing, eight_bit, picture, seen
from lifelong.plan.errors import DataError
from lifelong.use.ahead import ahead
from lifelong.use.finished import Finished, shown

Picture = str | os.PathLike[str] | Image.Image | Tensor | np.ndarray
_AT_ONCE = 1000  # pictures in memory; as many as a GPU evaluates at once


@dataclass(frozen=True)
class Prediction:
    """What a task says of one picture: the likeliest class, and all in the order of `classes`."""

    label: str
    probability: float
    probabilities: Tensor = field(repr=False)  # float32 (classes,), on the CPU


class TrainedModel:
    """A trained model: `model["birds"]` is one of its tasks, `model.tasks` are all their names."""

    def __init__(self, finished: Finished) -> None:
        self._finished = finished
        self._tasks: dict[str, TrainedTask] = {}

    @property
    def tasks(self) -> tuple[str, ...]:
        """The names of all tasks, in the order in which they were learned."""
        return tuple(card.task for card in self._finished.cards)

    def __getitem__(self, task: str) -> "TrainedTask":
        """A task. Raises UserError, naming those there are."""
        if task not in self._tasks:
            self._tasks[task] = TrainedTask(self._finished, self._finished.position(task))
        return self._tasks[task]

    def __iter__(self) -> Iterator[str]:
        return iter(self.tasks)

    def __len__(self) -> int:
        return len(self.tasks)

    def __repr__(self) -> str:
        return f"<model {self._finished.path}: {', '.join(self.tasks)}>"


class TrainedTask:
    """One task of a trained model. Its network is put together when it is first needed."""

    def __init__(self, finished: Finished, position: int) -> None:
        self._finished, self._position = finished, position
        self._card = finished.cards[position - 1]

    def __repr__(self) -> str:
        card = self._card
        return f"<task {card.task}: {len(card.classes)} classes, {card.network}>"

    @property
    def classes(self) -> tuple[str, ...]:
        """Their names in the order of the network's outputs."""
        return self._card.classes

    @cached_property
    def network(self) -> nn.Module:
        """A plain module in evaluation mode: (N, C, S, S) float32 to (N, classes) logits.

        Its inputs are what `transform` gives, S pixels wide and high. It can be traced and
        exported, and is the caller's own: `predict` does not see what is changed in it. On GPUs
        it multiplies as PyTorch is told to, by default in TF32; `predict` does so in float32.
        """
        network: nn.Module = self._finished.fresh(self._position)
        return network

    def transform(self, image: Picture) -> Tensor:
        """A picture as the network sees it: (C, S, S) float32 on the CPU, made as for training.

        `image` is the path of a file, a Pillow image, a uint8 tensor (channels, height, width) or
        a uint8 array of NumPy (height, width) or (height, width, channels), red first.
        It is turned upright as its EXIF says, resized (bicubic), and changed and normalised as the
        task's own images were. Of a task that learned from faces that were found and cut out it
        must be such a cut; `lifelong predict` finds them. Raises DataError for what is no picture.
        """
        pixels = shown(self._card, self._pixels(image)[None])
        return Normal(self._card.mean, self._card.std, "cpu")(torch.from_numpy(pixels))[0]

    def predict(self, images: Picture | Iterable[Picture]) -> list[Prediction]:
        """One prediction per picture, in order; a tensor or an array may hold N of them.

        Raises DataError where the network's training diverged, and as `transform` does.
        """
        predictions = []
        for pixels in self._batches(images):
            for share in self._finished.logits(self._position, pixels).softmax(1).cpu():
                best = int(share.argmax())
                predictions.append(Prediction(self.classes[best], float(share[best]), share))
        return predictions

    def embedding(self, images: Picture | Iterable[Picture]) -> Tensor:
        """Features before the classes, (N, features) float32 on the CPU, not normalised.

        Raises UserError for a task of a method that shares layers: its networks have none.
        """
        batches = self._batches(images)
        parts = [self._finished.embeddings(self._position, pixels).cpu() for pixels in batches]
        return torch.cat(parts) if parts else torch.empty(0, 0)

    def _batches(self, images: Picture | Iterable[Picture]) -> Iterator[np.ndarray]:
        """uint8 (N, C, S, S), decoded while others are computed with."""
        pixels = ahead(self._pixels, _each(images), torch.get_num_threads(), room=_AT_ONCE)
        while batch := list(islice(pixels, _AT_ONCE)):
            yield np.stack(batch)

    def _pixels(self, image: Picture) -> np.ndarray:
        """uint8 (C, S, S) as a pack would hold it."""
        card = self._card
        framing = Framing(card.image_size, card.in_channels, **(card.framing or {}))
        if isinstance(image, Tensor):
            image = _as_image(image)
        elif isinstance(image, np.ndarray):
            image = _of_array(image)
        if isinstance(image, Image.Image):
            return seen(eight_bit(image, "the picture"), framing, "the picture")
        return picture(Path(image), framing)


def read(path: str | os.PathLike[str], device: str | None = None) -> TrainedModel:
    """A trained model from its folder or from a packed file; see `lifelong.load`."""
    there = "cuda" if torch.cuda.is_available() else "cpu"
    return TrainedModel(Finished(Path(path), device or there))


def _each(images: Picture | Iterable[Picture]) -> Iterable[Picture]:
    """One picture is as good as a list of one."""
    if isinstance(images, Tensor | np.ndarray):
        return images if images.ndim == 4 else [images]
    if isinstance(images, str | os.PathLike | Image.Image):
        return [images]
    return images


def _as_image(pixels: Tensor) -> Image.Image:
    """A tensor uint8 (1 or 3, height, width) as a Pillow image."""
    if pixels.dtype != torch.uint8 or pixels.ndim != 3 or len(pixels) not in (1, 3):
        raise DataError(
            f"a picture is a uint8 tensor (1 or 3 channels, height, width), not {pixels.dtype} "
            f"{tuple(pixels.shape)}: convert it first"
        )
    channels = pixels.cpu().numpy()
    return Image.fromarray(channels[0] if len(channels) == 1 else channels.transpose(1, 2, 0))


def _of_array(pixels: np.ndarray) -> Image.Image:
    """An array uint8 (height, width), perhaps with 1 or 3 channels behind, as a Pillow image."""
    if pixels.dtype != np.uint8 or pixels.shape[2:] not in ((), (1,), (3,)) or pixels.ndim < 2:
        raise DataError(
            "a picture is a uint8 array (height, width) or (height, width, 3), not "
            f"{pixels.dtype} {pixels.shape}: convert it first"
        )
    return Image.fromarray(pixels[..., 0] if pixels.shape[2:] == (1,) else pixels)
