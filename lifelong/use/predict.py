"""Photographs to what every task of a finished model says of each face in them.

A photograph is searched once, and a face cut out once for each way of framing: tasks that were
aligned alike share the crop. They share no layer's outputs, because those are not the same: in
`experiments/faces_real_small.yaml` two tasks of CPG have at most 2 of 16 filters of the first layer
in common. All networks' passes took 2 to 7 % of the time there, the finding of faces 51 to 88 %.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from lifelong import store
from lifelong.data.batches import Split
from lifelong.data.images import Framing, framed, picture
from lifelong.data.tasks import changed
from lifelong.faces.align import choose
from lifelong.faces.detect import NO_FACES, Detector, Faces
from lifelong.faces.draw import Copies, Mark
from lifelong.faces.gallery import Gallery, Nearest, pictures_of
from lifelong.faces.pairs import CONVENTIONS, with_mirror
from lifelong.faces.photos import ALIGNMENTS, Alignment, align
from lifelong.faces.read import MIN_SIDE_PX, read_photo
from lifelong.faces.rows import Status
from lifelong.families import family_of
from lifelong.plan.card import PREALIGNED, UNKNOWN, Card
from lifelong.plan.errors import DataError, UserError, printable
from lifelong.plan.paths import beside
from lifelong.train.device import prepare
from lifelong.train.evaluate import embeddings, logits
from lifelong.use.answers import Answer, Face, Photograph, as_label, row
from lifelong.use.load import finished_model

READ = "read"  # the status of a photograph whose faces were; else it is one of rows.Status
# Of a face's box, for tasks whose framing nobody knows. MTCNN's boxes would need 0.30, 0.25, 0.16
# and 0.37 more to be as wide as pictures of ORL, FER2013, UTKFace and LFW (medians of up to 60).
MARGIN = 0.3
_BATCH = 64  # photographs before the tasks' networks are built


@dataclass(frozen=True)
class Request:
    """What is asked; `tasks` empty means all, `margin` is a share of a face's width and height."""

    model: Path
    photos: Sequence[Path]
    tasks: tuple[str, ...] = ()
    whole: bool = False
    margin: float = MARGIN
    gallery: Path | None = None
    identity: str | None = None
    threshold: float | None = None
    copies: Path | None = None
    threads: int = 1


@dataclass(frozen=True)
class _View:
    """How a face becomes an image of a task; without an alignment the whole picture does."""

    how: Alignment | None
    framing: Framing

    def of(self, photo: Path, pixels: np.ndarray, face: Faces) -> np.ndarray | None:
        """uint8 (channels, side, side) as a pack would hold it, or None where nothing is left."""
        if self.how is None and self.framing.quality:  # some files are kept as they are
            return picture(photo, self.framing)
        cut = pixels if self.how is None else align("", pixels, face, self.how)[1]
        if cut is None:
            return None
        image = Image.fromarray(cut)
        grey = self.framing.channels == 1
        return framed(image.convert("L") if grey else image, self.framing, "a face")


@dataclass(frozen=True)
class _Task:
    position: int
    card: Card
    view: _View


@dataclass(frozen=True)
class _Cut:
    """A face that was found, as each of the views shows it."""

    face: Face
    images: dict[_View, np.ndarray]


class Predictor:
    """A model that is ready for photographs.

    Raises UserError where the request does not fit the model, DamagedFile where it is not whole.
    `unused` lists the pictures of the gallery that have no usable face, with the reason.
    """

    def __init__(self, request: Request) -> None:
        self.request = request
        self._model, self._paths = finished_model(request.model)
        self._tasks = self._wanted()
        self._identity = self._identity_task()
        known = [] if request.gallery is None else list(pictures_of(request.gallery))
        self._device = prepare(request.threads)
        self._finder = None if request.whole else Detector(self._device)
        self.unused: list[Photograph] = []
        self._gallery = self._read_gallery(known)
        asked = request.copies
        self._copies = None if asked is None else Copies(asked, request.photos)

    def photographs(self) -> Iterator[Photograph]:
        """Every photograph in order, whatever became of it."""
        views = {task.view for task in self._tasks}
        waiting = iter(self.request.photos)
        while chunk := list(islice(waiting, _BATCH)):
            seen = [self._see(path, views) for path in chunk]
            answers = iter(self._answers([cut for _, cuts in seen for cut in cuts]))
            for photo, cuts in seen:
                faces = tuple(replace(cut.face, answers=next(answers)) for cut in cuts)
                yield self._drawn(replace(photo, faces=faces))

    def facts(self) -> dict[str, Any]:
        """What there is to know beside the photographs, as JSON has it."""
        gallery, known = None, self._gallery
        if known is not None and self._identity is not None:
            counts = {name: known.people.count(name) for name in dict.fromkeys(known.people)}
            gallery = {
                "folder": printable(str(self.request.gallery)),
                "task": self._identity.card.task,
                "distance": known.convention,
                "threshold": self.request.threshold,
                "people": counts,
                "unused": [row(photo) for photo in self.unused],
            }
        return {
            "model": printable(str(self.request.model)),
            "finder": None if self._finder is None else self._finder.name,
            "tasks": [_facts(task) for task in self._tasks],
            "gallery": gallery,
        }

    def _wanted(self) -> list[_Task]:
        cards = [part.card for part in self._model.shards]
        names = [card.task for card in cards]
        for name in (*self.request.tasks, *filter(None, [self.request.identity])):
            if name not in names:
                there = ", ".join(names)
                raise UserError(f"{self.request.model} has no task {name!r}; it has {there}")
        wanted = {*self.request.tasks, self.request.identity} if self.request.tasks else set(names)
        return [
            _Task(position, card, self._view(card))
            for position, card in enumerate(cards, 1)
            if card.task in wanted
        ]

    def _view(self, card: Card) -> _View:
        framing = Framing(card.image_size, card.in_channels, **(card.framing or {}))
        if self.request.whole:
            return _View(None, framing)
        if card.alignment in (PREALIGNED, UNKNOWN):
            how = Alignment("proportional", card.image_size, self.request.margin)
        elif card.alignment in ALIGNMENTS:
            how = ALIGNMENTS[card.alignment]
        else:
            of = f"task {card.task} of {self.request.model}"
            if card.alignment:
                raise UserError(f"{of} was aligned as {card.alignment}: update lifelong")
            raise UserError(
                f"{of} was not learned on faces: add --whole, to give it whole pictures, "
                "or name the tasks that were by --tasks"
            )
        return _View(how, framing)

    def _identity_task(self) -> _Task | None:
        """The task whose embeddings are compared with the gallery's."""
        asked = self.request
        if asked.gallery is None:
            for name, value in (("threshold", asked.threshold), ("identity", asked.identity)):
                if value is not None:
                    raise UserError(f"--{name} needs a gallery: add --gallery FOLDER")
            return None
        tasks = [task for task in self._tasks if task.card.task == asked.identity]
        if asked.identity is None:
            tasks = [task for task in self._tasks if self._pairs(task)] or self._tasks
        if len(tasks) != 1:
            names = ", ".join(task.card.task for task in self._tasks)
            raise UserError(f"which task tells people apart? name it by --identity: {names}")
        return tasks[0]

    def _pairs(self, task: _Task) -> dict[str, Any]:
        """How the task's `infer` stage compared pairs of faces, if it did."""
        folder = Path(beside(self._paths[task.position - 1].as_posix(), "infer"))
        if not (folder / "manifest.json").is_file():
            return {}
        return store.read_manifest(folder)["spec"].get("pairs") or {}

    def _read_gallery(self, pictures: Iterable[tuple[str, Path]]) -> Gallery | None:
        task = self._identity
        if task is None:
            return None
        convention = self._pairs(task).get("distance", "cpg")
        people: list[str] = []
        vectors: list[np.ndarray] = []
        waiting = iter(pictures)
        network = self._model.view(task.position, self._device)
        while chunk := list(islice(waiting, _BATCH)):
            cuts = []
            for person, path in chunk:
                photo, faces = self._see(path, {task.view})
                if not faces:
                    self.unused.append(photo)
                    continue
                people.append(person)
                cuts.append(_central(photo, faces))
            if cuts:
                vectors.append(self._vectors(network, task, cuts, convention))
        if not vectors:
            first = self.unused[0]
            raise DataError(
                f"the gallery {self.request.gallery} has no picture with a usable face "
                f"({first.path}: {first.status}): add some"
            )
        return Gallery(tuple(people), np.concatenate(vectors), convention)

    def _see(self, path: Path, views: Iterable[_View]) -> tuple[Photograph, list[_Cut]]:
        """A photograph without answers, and its faces that every view can show."""
        photo = read_photo(path, 1 if self._finder is None else MIN_SIDE_PX)
        if photo.pixels is None:
            return Photograph(path, str(photo.refused), photo.why), []
        size = (photo.pixels.shape[1], photo.pixels.shape[0])
        cuts = []
        for face, detected in self._found(photo.pixels):
            images = {view: view.of(path, photo.pixels, detected) for view in views}
            shown = {view: image for view, image in images.items() if image is not None}
            if len(shown) == len(images):
                cuts.append(_Cut(face, shown))
        return Photograph(path, READ if cuts else str(Status.NO_FACE), size=size), cuts

    def _found(self, pixels: np.ndarray) -> list[tuple[Face, Faces]]:
        if self._finder is None:
            return [(Face(None, None), NO_FACES)]
        (faces,) = self._finder.detect([pixels])
        detections = []
        for at in range(len(faces)):
            one = slice(at, at + 1)
            only = Faces(faces.boxes[one], faces.probabilities[one], faces.landmarks[one])
            x1, y1, x2, y2 = faces.boxes[at].tolist()
            detections.append((Face((x1, y1, x2, y2), float(faces.probabilities[at])), only))
        return detections

    def _answers(self, cuts: Sequence[_Cut]) -> list[tuple[Answer, ...]]:
        """Each task on all faces, so that one network is in memory at a time."""
        answers: list[tuple[Answer, ...]] = [()] * len(cuts)
        for task in self._tasks if cuts else ():
            network = self._model.view(task.position, self._device)
            split, card = self._split(cuts, task), task.card
            shares = logits(network, split, card.mean, card.std).softmax(1).cpu().numpy()
            people: list[Nearest] = [()] * len(cuts)
            if self._gallery is not None and task == self._identity:
                way = self._gallery.convention
                people = self._gallery.nearest(self._vectors(network, task, cuts, way))
            _check_finite(shares, task)
            for place, (share, nearest) in enumerate(zip(shares, people, strict=True)):
                order = np.argsort(-share, kind="stable").tolist()
                classes = tuple((card.classes[at], float(share[at])) for at in order)
                answers[place] += (Answer(card.task, classes, nearest),)
        return answers

    def _vectors(
        self, network: Any, task: _Task, cuts: Sequence[_Cut], convention: str
    ) -> np.ndarray:
        """Embeddings (N, D) of faces as the convention wants them."""
        if not family_of(task.card.base).embeds:
            raise UserError(
                f"task {task.card.task} of {self.request.model} shares whole layers and has no "
                "embedding to compare faces by: leave --gallery out"
            )
        card = task.card
        split = self._split(cuts, task)
        vectors = embeddings(network, split, card.mean, card.std).cpu().numpy()
        if CONVENTIONS[convention].mirrored:
            split = self._split(cuts, task, mirrored=True)
            mirrored = embeddings(network, split, card.mean, card.std).cpu().numpy()
            vectors = with_mirror(vectors, mirrored)
        _check_finite(vectors, task)
        return vectors

    def _split(self, cuts: Sequence[_Cut], task: _Task, mirrored: bool = False) -> Split:
        pixels = np.stack([cut.images[task.view] for cut in cuts])
        seen = changed(pixels, task.card.noise, task.card.channel_order, task.card.pixel_order)
        images = torch.from_numpy(seen).to(self._device)
        images = images.flip(-1) if mirrored else images
        return Split(images, torch.zeros(len(images), dtype=torch.int64, device=self._device))

    def _drawn(self, photo: Photograph) -> Photograph:
        """The photograph, after its copy was written; it is read again, so as to keep but one."""
        if self._copies is None or not photo.faces:
            return photo
        pixels = read_photo(photo.path, 1).pixels
        if pixels is None:  # gone meanwhile
            return photo
        marks = [
            Mark(face.box, tuple(as_label(one, self.request.threshold) for one in face.answers))
            for face in photo.faces
        ]
        return replace(photo, copy=self._copies.add(photo.path, pixels, marks))


def _central(photo: Photograph, cuts: Sequence[_Cut]) -> _Cut:
    """The face that a picture of one person is about, chosen as for training."""
    if cuts[0].face.box is None:
        return cuts[0]
    boxes = np.array([cut.face.box for cut in cuts])
    return cuts[choose(boxes, np.ones(len(cuts)), photo.size, "centred") or 0]


def _check_finite(found: np.ndarray, task: _Task) -> None:
    if not np.isfinite(found).all():
        raise DataError(
            f"the network of task {task.card.task} gives no numbers, its training diverged: "
            "train it with a lower learning rate"
        )


def _facts(task: _Task) -> dict[str, Any]:
    card, how = task.card, task.view.how
    framing = None if how is None else {"geometry": how.geometry, "margin": how.margin}
    return {
        "task": card.task,
        "classes": len(card.classes),
        "image_size": card.image_size,
        "channels": card.in_channels,
        "alignment": card.alignment,
        "framing": framing,
    }
