"""Classification sets that torchvision knows, by the name of its class, from the files it keeps."""

import inspect
import logging
import operator
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image

from lifelong import store
from lifelong.data.images import BadPicture, Framing
from lifelong.data.photographs import in_order
from lifelong.data.sources import (
    RawSet,
    Settings,
    left_out,
    photographs,
    root_of,
    usable_rows,
)
from lifelong.data.splits import TEST, TRAIN, VALIDATION, completed
from lifelong.plan.errors import DataError

_SPLITS = {"train": TRAIN, "trainval": TRAIN, "val": VALIDATION, "valid": VALIDATION, "test": TEST}
_LABELS = ("targets", "labels", "_labels", "y")  # where most of them list their labels
_CLASSES = ("classes", "categories")
Parts = list[tuple[int, Any]]  # a split, and torchvision's data set of its pictures


def torchvision(settings: Settings, log: logging.Logger) -> RawSet:
    """The set `name` of torchvision below `root`; `options` go to its class.

    Where it has no split for test or validation, that is cut as from folders of pictures. A set
    whose only second split is called val has that for its test. Raises DataError where the files
    are not whole, or the set is not one of pictures with a class each.
    """
    name, parts = settings["name"], _parts(settings)
    items = _Items(name, [data for _, data in parts])
    numbers = [_labels(name, data, settings.get("workers", 1)) for _, data in parts]
    used = sorted({number for part in numbers for number in part})
    classes = _class_names(parts[0][1], used)
    labels = np.searchsorted(used, np.concatenate(numbers)).astype(np.int32)
    given = np.repeat([split for split, _ in parts], [len(part) for part in numbers])
    given = given.astype(np.uint8)
    images = photographs(items, settings["image_size"], settings, log)
    rows = usable_rows(images, labels, given, classes, settings, log)
    split = completed(labels[rows], given[rows], settings, classes, log)
    unread = left_out(images, rows)
    return RawSet(images.of(rows), labels[rows], split, classes, ("",) * len(classes), None, unread)


def _parts(settings: Settings) -> Parts:
    import torchvision.datasets

    kind, options = getattr(torchvision.datasets, settings["name"]), settings.get("options", {})
    known = inspect.signature(kind.__init__).parameters
    if "train" in known or "split" in options:  # EMNIST's split is a variant of it
        wanted: Mapping[int, Any] = {TRAIN: {"train": True}, TEST: {"train": False}}
        return [(split, _part(kind, settings, more)) for split, more in wanted.items()]
    if "split" not in known:
        return [(TRAIN, _part(kind, settings, {}))]
    parts = {name: _part(kind, settings, {"split": name}) for name in _SPLITS}
    parts = {name: part for name, part in parts.items() if part is not None}
    if "train" in parts:
        parts.pop("trainval", None)
    if not {"train", "trainval"} & set(parts):
        raise DataError(
            f"{settings['name']} of torchvision has no split called train: take another"
        )
    if "test" not in parts:
        parts = {"test" if name.startswith("val") else name: part for name, part in parts.items()}
    return [(_SPLITS[name], part) for name, part in parts.items()]


def _part(kind: Any, settings: Settings, more: Mapping[str, Any]) -> Any:
    """One split; None where the set has none of that name."""
    name, root = settings["name"], root_of(settings)
    options = {**settings.get("options", {}), **more}
    if settings["download"] and "download" in inspect.signature(kind.__init__).parameters:
        options["download"] = True
    try:
        return kind(str(root), **options)
    except TypeError as error:
        raise DataError(f"torchvision cannot open {name} so: {error}; mend options") from error
    except ValueError as error:
        if "split" in more:
            return None
        raise DataError(f"torchvision cannot open {name} so: {error}; mend options") from error
    except (RuntimeError, OSError, ImportError) as error:
        if isinstance(error, OSError) and store.refusal(error) is not None:
            raise DataError(f"cannot read {root}: {error}") from error
        hint = "fetching it failed" if settings["download"] else "`download: true` fetches most"
        raise DataError(f"no whole {name} in {root}: {hint} ({error})") from error


def _class_names(data: Any, used: Sequence[int]) -> tuple[str, ...]:
    """Names of the classes that have pictures; numbers where the set names none.

    A slash would part a group from a class: FashionMNIST has a "T-shirt/top".
    """
    names = next((getattr(data, key) for key in _CLASSES if hasattr(data, key)), None)
    if names is None or len(names) <= max(used):
        return tuple(map(str, used))
    named = [names[number] for number in used]
    return tuple(
        (name if isinstance(name, str) else str(name[0])).replace("/", "-") for name in named
    )


def _labels(name: str, data: Any, workers: int) -> list[int]:
    """The number of the class of each picture."""
    given = next((getattr(data, key) for key in _LABELS if hasattr(data, key)), None)
    try:
        if given is not None and len(given) == len(data):
            return [operator.index(label) for label in given]
        return list(in_order(lambda row: operator.index(data[row][1]), range(len(data)), workers))
    except (TypeError, IndexError, KeyError) as error:
        raise DataError(f"{name} of torchvision has no class for each picture: take another") from (
            error
        )


@dataclass(frozen=True)
class _Items:
    """The pictures of several of torchvision's data sets, one after another."""

    title: str
    parts: Sequence[Any]

    def __len__(self) -> int:
        return sum(map(len, self.parts))

    def image(self, row: int) -> Image.Image:
        part, at = self._place(row)
        try:
            image = self.parts[part][at][0]
            if not isinstance(image, Image.Image):
                raise DataError(f"{self.title} of torchvision is no set of pictures: take another")
            return image.convert("L" if image.mode in ("1", "L") else "RGB")
        except OSError as error:
            if store.refusal(error) is not None:
                raise DataError(f"cannot read {self.name(row)}: {error}") from error
            raise BadPicture(self.name(row)) from error

    def name(self, row: int) -> str:
        part, at = self._place(row)
        return f"{self.title}'s picture {at} of part {part + 1}"

    def own_jpeg(self, row: int, framing: Framing) -> bytes | None:
        return None  # torchvision does not say which file a picture is from

    def _place(self, row: int) -> tuple[int, int]:
        for number, part in enumerate(self.parts):
            if row < len(part):
                return number, row
            row -= len(part)
        raise IndexError(row)
