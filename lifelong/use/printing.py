"""The answers of `lifelong predict` on the terminal: text, CSV or JSON, and how far it is."""

import csv
import json
import sys
from collections.abc import Callable
from typing import Any, Protocol

from tqdm import tqdm

from lifelong.use.answers import COLUMNS, TOP, Photograph, as_json, as_rows, as_text
from lifelong.use.predict import READ, Predictor
from lifelong.use.scores import Scores


def print_all(model: Predictor, form: str, top: int | None = None) -> bool:
    """Print what became of every picture as "text", "csv" or "json"; whether one was answered.

    `top`: how many classes of a task. What folders named as classes tell comes last, with CSV on
    stderr. A terminal on stderr shows how far it is.
    """
    for photo in model.unused:
        print(f"not used of the gallery: {as_text(photo, None)}", file=sys.stderr)
    printed: _Form = _FORMS[form](model, top)
    scores, answered = Scores(model.classes), False
    with tqdm(total=len(model), unit=" pictures", disable=not sys.stderr.isatty()) as bar:
        for photo in model.photographs():
            answered = answered or photo.status == READ
            scores.add(photo)
            with tqdm.external_write_mode(file=sys.stdout):
                printed.one(photo)
            bar.update()
    printed.end(scores)
    return answered


class _Form(Protocol):
    def one(self, photo: Photograph) -> None: ...

    def end(self, scores: Scores) -> None: ...


class _Text:
    def __init__(self, model: Predictor, top: int | None) -> None:
        self._threshold, self._top = model.request.threshold, top or TOP

    def one(self, photo: Photograph) -> None:
        print(as_text(photo, self._threshold, self._top), flush=True)

    def end(self, scores: Scores) -> None:
        if said := scores.as_text():
            print(said)


class _Csv:
    def __init__(self, model: Predictor, top: int | None) -> None:
        self._top, self._writer = top or 1, csv.writer(sys.stdout, lineterminator="\n")
        self._writer.writerow(COLUMNS)

    def one(self, photo: Photograph) -> None:
        self._writer.writerows(as_rows(photo, self._top))

    def end(self, scores: Scores) -> None:
        sys.stdout.flush()
        if said := scores.as_text():
            print(said, file=sys.stderr)


class _Json:
    def __init__(self, model: Predictor, top: int | None) -> None:
        self._model, self._photographs = model, list[dict[str, Any]]()

    def one(self, photo: Photograph) -> None:
        self._photographs.append(as_json(photo, self._model.request.threshold))

    def end(self, scores: Scores) -> None:
        facts = {"photographs": self._photographs, "scores": scores.as_json()}
        print(json.dumps(self._model.facts() | facts, indent=1))


_FORMS: dict[str, Callable[[Predictor, int | None], _Form]] = {
    "text": _Text,
    "csv": _Csv,
    "json": _Json,
}
