"""What the models answered to test pictures, from the CSV that `infer` writes, for the page."""

from dataclasses import dataclass

import pandas as pd

_SQUARE = 10  # classes at most whose whole matrix is shown
_PICTURE = ["label", "answer", "probability", "png"]
_CONFUSED = 8  # pairs of classes shown otherwise


@dataclass(frozen=True)
class Picture:
    """A test picture that got a wrong answer; `png` is base64."""

    label: str
    answer: str
    percent: str
    png: str


@dataclass(frozen=True)
class AnsweredTask:
    """One task: `grid` has one row per class, of (images, share of the class in [0, 1])."""

    name: str
    right: int
    images: int
    classes: list[str]
    grid: list[list[tuple[int, float]]]
    confused: list[tuple[str, str, int]]
    pictures: list[Picture]


def tasks_of(confusion: pd.DataFrame, mistakes: pd.DataFrame) -> list[AnsweredTask]:
    """The tasks of one model, in the order learned."""
    return [
        _task(str(name), rows, mistakes[mistakes["on_task"] == name])
        for name, rows in confusion.groupby("on_task", sort=False)
    ]


def _task(name: str, rows: pd.DataFrame, mistakes: pd.DataFrame) -> AnsweredTask:
    wrong = rows[rows["label"] != rows["answer"]].sort_values(
        "images", ascending=False, kind="stable"
    )
    seen = [str(one) for one in dict.fromkeys([*rows["label"], *rows["answer"]])]
    total = int(rows["images"].sum())
    return AnsweredTask(
        name,
        total - int(wrong["images"].sum()),
        total,
        seen,
        _grid(rows, seen) if len(seen) <= _SQUARE else [],
        list(wrong[["label", "answer", "images"]].head(_CONFUSED).itertuples(index=False)),
        [
            Picture(str(label), str(answer), f"{100 * float(probability):.0f} %", str(png))
            for label, answer, probability, png in mistakes[_PICTURE].to_numpy().tolist()
        ],
    )


def _grid(rows: pd.DataFrame, classes: list[str]) -> list[list[tuple[int, float]]]:
    table = rows.pivot(index="label", columns="answer", values="images")
    counts = table.reindex(index=classes, columns=classes).fillna(0).astype(int)
    sums = counts.sum(axis="columns").clip(lower=1)
    return [
        [(int(count), float(count / total)) for count in line]
        for line, total in zip(counts.to_numpy(), sums, strict=True)
    ]
