"""What `predict` has to say of pictures: as JSON, CSV, text, and as lines on a picture."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lifelong.faces.gallery import Nearest
from lifelong.plan.errors import printable

TOP = 3  # classes or people in a line of text
COLUMNS = (
    *("path", "folder", "status", "why", "face", "x1", "y1", "x2", "y2", "face_probability"),
    *("task", "rank", "class", "probability"),
)
_LONGEST = 28  # letters of a name on a picture


@dataclass(frozen=True)
class Answer:
    """A task's classes, likeliest first, and where it knows a gallery the people, nearest first."""

    task: str
    classes: tuple[tuple[str, float], ...]
    people: Nearest = ()


@dataclass(frozen=True)
class Face:
    """A box x1, y1, x2, y2 in pixels of the upright photograph; None is all of it."""

    box: tuple[float, float, float, float] | None
    probability: float | None
    answers: tuple[Answer, ...] = ()


@dataclass(frozen=True)
class Photograph:
    """What became of one photograph, and its faces, likeliest first.

    `folder` names the one that it lies in, where that was found in a folder that was given, and
    `above` those around it.
    """

    path: Path
    status: str
    why: str = ""
    folder: str = ""
    above: frozenset[str] = frozenset()
    size: tuple[int, int] = (0, 0)  # width and height
    faces: tuple[Face, ...] = ()
    copy: Path | None = None


def as_json(photo: Photograph, threshold: float | None) -> dict[str, Any]:
    """A photograph and all classes of all tasks on its faces; shares in [0, 1]."""
    width, height = photo.size
    copy = None if photo.copy is None else printable(str(photo.copy))
    faces = [
        {
            "box": None if face.box is None else [round(value, 2) for value in face.box],
            "probability": None if face.probability is None else round(face.probability, 6),
            "tasks": {answer.task: _answer(answer, threshold) for answer in face.answers},
        }
        for face in photo.faces
    ]
    where = {"folder": printable(photo.folder)}
    return {**row(photo), **where, "width": width, "height": height, "copy": copy, "faces": faces}


def row(photo: Photograph) -> dict[str, str]:
    """Which photograph, and what became of it."""
    path, why = printable(str(photo.path)), printable(photo.why)
    return {"path": path, "status": photo.status, "why": why}


def as_rows(photo: Photograph, top: int) -> Iterator[list[str]]:
    """Cells under COLUMNS: a row for each of the `top` classes of a task; one for a bad picture."""
    read = row(photo)
    start = [read["path"], printable(photo.folder), read["status"], read["why"]]
    if not photo.faces:
        yield start + [""] * (len(COLUMNS) - len(start))
    for number, face in enumerate(photo.faces, 1):
        box = [""] * 4 if face.box is None else [f"{value:.2f}" for value in face.box]
        sure = "" if face.probability is None else f"{face.probability:.6f}"
        where = [*start, "" if face.box is None else str(number), *box, sure]
        for answer in face.answers:
            for rank, (name, share) in enumerate(answer.classes[:top], 1):
                yield [*where, answer.task, str(rank), printable(name), f"{share:.6f}"]


def as_text(photo: Photograph, threshold: float | None, top: int = TOP) -> str:
    """The best classes of every face, in percent; or why there is none."""
    name = printable(str(photo.path))
    if not photo.faces:
        return f"{name}: {photo.status}" + (f" ({printable(photo.why)})" if photo.why else "")
    lines = [f"{name}: {_counted(photo)}"]
    column = max(len(answer.task) for face in photo.faces for answer in face.answers)
    for number, face in enumerate(photo.faces, 1):
        if face.box is not None:
            at = " ".join(f"{value:.0f}" for value in face.box)
            lines.append(f"  face {number}: box {at}, probability {face.probability:.4f}")
        for answer in face.answers:
            lines.append(f"    {answer.task:{column}}  {_said(answer, threshold, top)}")
    return "\n".join(lines)


def as_label(answer: Answer, threshold: float | None) -> str:
    """One line on a picture: the best class or person."""
    if not answer.people:
        name, share = answer.classes[0]
        return f"{answer.task}: {_shortened(name)} ({100 * share:.0f} %)"
    person, distance = answer.people[0]
    if _below(distance, threshold) is False:
        return f"{answer.task}: nobody"
    return f"{answer.task}: {_shortened(person)} ({distance:.2f})"


def _answer(answer: Answer, threshold: float | None) -> dict[str, Any]:
    classes = [{"class": name, "probability": round(share, 6)} for name, share in answer.classes]
    fields: dict[str, Any] = {"classes": classes}
    if answer.people:
        people = [{"person": name, "distance": round(far, 6)} for name, far in answer.people]
        fields |= people[0] | {"below": _below(answer.people[0][1], threshold), "people": people}
    return fields


def _said(answer: Answer, threshold: float | None, top: int) -> str:
    if not answer.people:
        best = answer.classes[:top]
        return ", ".join(f"{name} ({100 * share:.1f} %)" for name, share in best)
    best = answer.people[:top]
    people = ", ".join(f"{name} (distance {far:.3f})" for name, far in best)
    below = _below(best[0][1], threshold)
    if below is None:
        return people
    return f"{best[0][0] if below else 'nobody'} below {threshold:g}: {people}"


def _shortened(name: str) -> str:
    return name if len(name) <= _LONGEST else f"{name[: _LONGEST - 1]}…"


def _below(distance: float, threshold: float | None) -> bool | None:
    return None if threshold is None else distance < threshold


def _counted(photo: Photograph) -> str:
    boxes = sum(face.box is not None for face in photo.faces)
    whole = ["the whole picture"] if boxes < len(photo.faces) else []
    faces = ["1 face" if boxes == 1 else f"{boxes} faces"] if boxes else []
    return ", ".join(whole + faces)
