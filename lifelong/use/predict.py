"""Pictures to what every task of a finished model says of them, or of each face in them.

A task that was learned on faces gets the faces of a photograph, any other the whole picture. A
photograph is searched once, and a face cut out once for each way of framing: tasks that were
aligned alike share the crop. They share no layer's outputs, because those are not the same: in
`experiments/faces_real_small.yaml` two tasks of CPG have at most 2 of 16 filters of the first layer
in common. All networks' passes took 2 to 7 % of the time there, the finding of faces 51 to 88 %.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from lifelong import store
from lifelong.data.images import Framing
from lifelong.faces.align import choose
from lifelong.faces.detect import Detector, Faces
from lifelong.faces.draw import Copies, Mark
from lifelong.faces.gallery import Gallery, Nearest, pictures_of
from lifelong.faces.pairs import CONVENTIONS, with_mirror
from lifelong.faces.photos import ALIGNMENTS, FaceAlignment
from lifelong.faces.read import read_photo
from lifelong.faces.rows import Status
from lifelong.plan.card import PREALIGNED, UNKNOWN, Card
from lifelong.plan.errors import DataError, UserError, printable
from lifelong.plan.paths import MANIFEST, beside
from lifelong.train.device import prepare
from lifelong.use.ahead import ahead
from lifelong.use.answers import Answer, Face, Photograph, as_label, row
from lifelong.use.finished import Finished
from lifelong.use.inputs import Input, inputs
from lifelong.use.views import Cut, Decoded, View, read_picture

READ = "read"  # the status of a picture with answers; else it is one of rows.Status
# Of a face's box, for tasks whose framing nobody knows. MTCNN's boxes would need 0.30, 0.25, 0.16
# and 0.37 more to be as wide as pictures of ORL, FER2013, UTKFace and LFW (medians of up to 60).
MARGIN = 0.3
_BATCH = 100  # pictures that are asked about together


@dataclass(frozen=True)
class PredictRequest:
    """What is asked; `tasks` empty means all, `margin` is a share of a face's width and height."""

    model: Path
    pictures: Sequence[Path]  # or folders of them
    tasks: tuple[str, ...] = ()
    whole: bool = False
    margin: float | None = None  # MARGIN
    gallery: Path | None = None
    identity: str | None = None
    threshold: float | None = None
    copies: Path | None = None
    threads: int = 1


@dataclass(frozen=True)
class _Task:
    position: int
    card: Card
    view: View


class Predictor:
    """A model that is ready for pictures.

    Raises UserError where the request does not fit the model, DamagedFile where it is not whole.
    `unused` lists the pictures of the gallery that have no usable face, with the reason.
    """

    def __init__(self, request: PredictRequest) -> None:
        self.request = request
        device = prepare(request.threads)
        self._model = Finished(request.model, device)
        self._tasks = self._wanted()
        self._identity = self._identity_task()
        known = [] if request.gallery is None else list(pictures_of(request.gallery))
        self._pictures = inputs(request.pictures)
        finds = any(task.view.how for task in self._tasks)
        if not finds and request.margin is not None:
            raise UserError("--margin is for faces that are cut out: leave it or --whole out")
        self._finder = Detector(device) if finds else None
        self.unused: list[Photograph] = []
        self._gallery = self._read_gallery(known)
        asked = request.copies
        paths = [picture.path for picture in self._pictures]
        self._copies = None if asked is None else Copies(asked, paths)

    def __len__(self) -> int:
        """How many pictures there are."""
        return len(self._pictures)

    @property
    def finds_faces(self) -> bool:
        """Whether there is a task that looks at faces, and not at whole pictures."""
        return self._finder is not None

    @property
    def classes(self) -> dict[str, tuple[str, ...]]:
        """Of every task that answers."""
        return {task.card.task: task.card.classes for task in self._tasks}

    def photographs(self) -> Iterator[Photograph]:
        """Every picture in order, whatever became of it; the next ones are decoded meanwhile."""
        waiting = self._decoded(self._pictures, {task.view for task in self._tasks})
        while chunk := list(islice(waiting, _BATCH)):
            answers = iter(self._answers([cut for _, cuts in chunk for cut in cuts]))
            for photo, cuts in chunk:
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
        named = (*self.request.tasks, *filter(None, [self.request.identity]))
        positions = {self._model.position(name) for name in named}
        return [
            _Task(position, card, self._view(card))
            for position, card in enumerate(self._model.cards, 1)
            if position in positions or not self.request.tasks
        ]

    def _view(self, card: Card) -> View:
        framing = Framing(card.image_size, card.in_channels, **(card.framing or {}))
        if self.request.whole or not card.alignment:
            return View(None, framing)
        if card.alignment in (PREALIGNED, UNKNOWN):
            margin = MARGIN if self.request.margin is None else self.request.margin
            return View(FaceAlignment("proportional", card.image_size, margin), framing)
        if card.alignment not in ALIGNMENTS:
            raise UserError(
                f"task {card.task} of {self.request.model} was aligned as {card.alignment}: "
                "update lifelong"
            )
        return View(ALIGNMENTS[card.alignment], framing)

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
        shard = self._model.files[task.position - 1]
        if isinstance(shard, store.Piece):
            raise UserError(
                f"{shard} does not say how its experiment compared faces: with --gallery name the "
                "folder of the model"
            )
        folder = Path(beside(shard.as_posix(), "infer"))
        if not (folder / MANIFEST).is_file():
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
        while chunk := list(islice(waiting, _BATCH)):
            cuts = []
            files = [Input(path) for _, path in chunk]
            for (person, _), (photo, faces) in zip(
                chunk, self._decoded(files, {task.view}), strict=True
            ):
                if not faces:
                    self.unused.append(photo)
                    continue
                people.append(person)
                cuts.append(_central(photo, faces))
            if cuts:
                vectors.append(self._vectors(task, cuts, convention))
        if not vectors:
            first = self.unused[0]
            raise DataError(
                f"the gallery {self.request.gallery} has no picture with a usable face "
                f"({first.path}: {first.status}): add some"
            )
        return Gallery(tuple(people), np.concatenate(vectors), convention)

    def _decoded(
        self, pictures: Iterable[Input], views: set[View]
    ) -> Iterator[tuple[Photograph, list[Cut]]]:
        """Pictures without answers, and what of each its views show.

        Threads decode ahead: large photographs only as many as are needed to keep them busy.
        """
        whole = {view for view in views if view.how is None}
        threads = self.request.threads
        room, together = (2 * _BATCH, _BATCH // 10) if whole == views else (2 * threads, 1)
        read = partial(read_picture, whole=whole, faces=whole != views)
        for decoded in ahead(read, pictures, threads, room, together):
            yield self._seen(decoded, views - whole)

    def _seen(self, decoded: Decoded, views: set[View]) -> tuple[Photograph, list[Cut]]:
        picture = decoded.picture
        photo = Photograph(
            picture.path, READ, folder=picture.folder, above=picture.above, size=decoded.size
        )
        if decoded.refused:
            return replace(photo, status=decoded.refused, why=decoded.why), []
        cuts = []
        if decoded.photo is not None and decoded.photo.pixels is not None:
            cuts = self._faces(decoded.photo.pixels, views)
        if decoded.whole is not None:
            cuts.append(decoded.whole)
        return (photo if cuts else replace(photo, status=str(Status.NO_FACE))), cuts

    def _faces(self, pixels: np.ndarray, views: set[View]) -> list[Cut]:
        """Those that every view can show."""
        cuts = []
        for face, detected in self._found(pixels):
            images = {view: view.of(pixels, detected) for view in views}
            shown = {view: image for view, image in images.items() if image is not None}
            if len(shown) == len(images):
                cuts.append(Cut(face, shown))
        return cuts

    def _found(self, pixels: np.ndarray) -> list[tuple[Face, Faces]]:
        if self._finder is None:
            return []
        (faces,) = self._finder.detect([pixels])
        detections = []
        for at in range(len(faces)):
            one = slice(at, at + 1)
            only = Faces(faces.boxes[one], faces.probabilities[one], faces.landmarks[one])
            x1, y1, x2, y2 = faces.boxes[at].tolist()
            detections.append((Face((x1, y1, x2, y2), float(faces.probabilities[at])), only))
        return detections

    def _answers(self, cuts: Sequence[Cut]) -> list[tuple[Answer, ...]]:
        """Each task on all images that it has of them."""
        answers: list[tuple[Answer, ...]] = [()] * len(cuts)
        for task in self._tasks:
            places = [place for place, cut in enumerate(cuts) if task.view in cut.images]
            if not places:
                continue
            mine, classes = [cuts[place] for place in places], task.card.classes
            shares = self._model.logits(task.position, _pixels(mine, task)).softmax(1).cpu().numpy()
            people: list[Nearest] = [()] * len(mine)
            if self._gallery is not None and task == self._identity:
                vectors = self._vectors(task, mine, self._gallery.convention)
                people = self._gallery.nearest(vectors)
            for place, share, nearest in zip(places, shares, people, strict=True):
                order = np.argsort(-share, kind="stable").tolist()
                ranked = tuple((classes[at], float(share[at])) for at in order)
                answers[place] += (Answer(task.card.task, ranked, nearest),)
        return answers

    def _vectors(self, task: _Task, cuts: Sequence[Cut], convention: str) -> np.ndarray:
        """Embeddings (N, D) of faces as the convention wants them."""
        at, pixels = task.position, _pixels(cuts, task)
        vectors = self._model.embeddings(at, pixels).cpu().numpy()
        if CONVENTIONS[convention].mirrored:
            mirrored = self._model.embeddings(at, pixels, mirrored=True).cpu().numpy()
            vectors = with_mirror(vectors, mirrored)
        return vectors

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


def _pixels(cuts: Sequence[Cut], task: _Task) -> np.ndarray:
    return np.stack([cut.images[task.view] for cut in cuts])


def _central(photo: Photograph, cuts: Sequence[Cut]) -> Cut:
    """The face that a picture of one person is about, chosen as for training."""
    if cuts[0].face.box is None:
        return cuts[0]
    boxes = np.array([cut.face.box for cut in cuts])
    return cuts[choose(boxes, np.ones(len(cuts)), photo.size, "centred") or 0]


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
