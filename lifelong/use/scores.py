"""How often a task was right about pictures in folders that are named as its classes."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from lifelong.faces.align import choose
from lifelong.plan.errors import printable
from lifelong.use.answers import Face, Photograph

_MOST_SHOWN = 30  # classes of a confusion that is printed as text


class Scores:
    """Counts over pictures that are added one after another; `classes` of every task by name.

    Of a photograph with several faces the one counts that it is about, chosen as for training.
    """

    def __init__(self, classes: dict[str, tuple[str, ...]]) -> None:
        self._classes = classes
        self._asked: Counter[str] = Counter()
        self._told: dict[str, Counter[tuple[str, str]]] = {name: Counter() for name in classes}

    def add(self, photo: Photograph) -> None:
        """Count what each task says of a picture whose folder is one of its classes.

        Of several tasks those count whose own name a folder around that one has, if there are any.
        """
        having = [task for task, classes in self._classes.items() if photo.folder in classes]
        for task in [task for task in having if task in photo.above] or having:
            self._asked[task] += 1
            faces = [face for face in photo.faces if any(a.task == task for a in face.answers)]
            if faces:
                answers = _central(photo, faces).answers
                best = next(answer for answer in answers if answer.task == task).classes[0][0]
                self._told[task][photo.folder, best] += 1

    def as_json(self) -> dict[str, Any]:
        """Of each task that had pictures: its accuracy and confusion, [folder][answer] counts."""
        return {
            task: {
                "pictures": asked,
                "answered": self._told[task].total(),
                "accuracy": self._accuracy(task),
                "classes": list(self._classes[task]),
                "confusion": self._confusion(task),
            }
            for task, asked in sorted(self._asked.items())
        }

    def as_text(self) -> str:
        """The same in lines; empty where no folder was named as a class."""
        lines = []
        for task, facts in self.as_json().items():
            share = "none" if facts["accuracy"] is None else f"{100 * facts['accuracy']:.1f} %"
            of = f"{facts['answered']} of {facts['pictures']} pictures"
            lines.append(f"{task}: accuracy {share} on {of} in folders named as its classes")
            lines += self._table(task) if len(self._classes[task]) <= _MOST_SHOWN else []
        return "\n".join(lines)

    def _accuracy(self, task: str) -> float | None:
        told = self._told[task]
        right = sum(count for (truth, best), count in told.items() if truth == best)
        return right / told.total() if told else None

    def _confusion(self, task: str) -> list[list[int]]:
        classes, told = self._classes[task], self._told[task]
        return [[told[truth, best] for best in classes] for truth in classes]

    def _table(self, task: str) -> list[str]:
        names = [printable(name) for name in self._classes[task]]
        rows = [
            [name, *map(str, row)] for name, row in zip(names, self._confusion(task), strict=True)
        ]
        return ["  " + line for line in _aligned([["folder \\ answer", *names], *rows])]


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """The first column to the left, the others to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]) for row in rows
    ]


def _central(photo: Photograph, faces: Sequence[Face]) -> Face:
    """The face that a picture is about."""
    if len(faces) == 1:
        return faces[0]
    boxes = np.array([face.box for face in faces])
    return faces[choose(boxes, np.ones(len(faces)), photo.size, "centred") or 0]
