"""Which figures an experiment has: each kind where there is something to show, a panel per run."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

import pandas as pd
from matplotlib.figure import Figure

from lifelong.plan.paths import slug
from lifelong.records import tables
from lifelong.report import balance, learning, plots, words
from lifelong.report.canvas import svg
from lifelong.report.page import Group, Plot, Section

_LADDER_KEY = (
    ("line", "deciding split"),
    ("dashed", "training images"),
    ("cross", "rung rejected"),
    ("dots", "goal"),
    ("band", "ratio chosen"),
)
_CURVES_KEY = (("plain", "deciding split"), ("warm", "training images"))
_FILES = {"learning_curves": "curves", "training_curves": "curves"}  # a method has one or the other
_SHARED_KEY = (("shared", "shared"), ("own", "its own"))


def sections(
    frame: pd.DataFrame,
    tasks: Sequence[str],
    methods: Sequence[str],
    seed: int,
    ends: Mapping[str, tuple[float, float]],
    owning: Sequence[str],
) -> Iterator[Section]:
    """All sections in their order; `ends` is of `plots.accuracy_against_size`.

    `owning`: the methods whose tasks own weights of one network.
    """
    summary = tables.summary_table(frame, list(tasks), list(methods))
    size = plots.accuracy_against_size(summary, ends)
    label = "mean test accuracy of each method against the size of its files"
    whole = [Group("", [Plot("accuracy_against_size", label, svg(size))])]
    several = frame["seed"].nunique() > 1
    about = words.SIZE + (words.SEEDS if several else "")
    yield Section("size", "Accuracy against size", about, whole)
    yield from _of_methods(frame, methods, seed, owning)
    yield from _of_tasks(frame, methods, seed)


def _of_methods(
    frame: pd.DataFrame, methods: Sequence[str], seed: int, owning: Sequence[str]
) -> Iterator[Section]:
    """Sections with one panel per method."""
    about: dict[str, tuple[str, str, str]] = {
        "accuracy_matrix": ("forgetting", "What was forgotten", words.MATRIX),
        "learning_curves": ("live", "All tasks while they are learned", words.LIVE),
        "training_curves": ("training", "Training", words.CURVES),
        "weight_owners": ("owners", "Who owns the weights", words.OWNERS),
        "layers_shared": ("shared", "Layers shared", words.SHARED),
        "task_weights": ("balance", "How tasks were weighed", words.BALANCE),
    }
    draw: dict[str, Callable[[pd.DataFrame, str, int], Figure]] = {
        "accuracy_matrix": plots.accuracy_matrix,
        "learning_curves": learning.learning_curves,
        "training_curves": learning.training_curves,
        "weight_owners": plots.weight_owners,
        "layers_shared": learning.sharing,
        "task_weights": balance.task_weights,
    }
    live = learning.learning_methods(frame)
    shown: dict[str, Iterable[str]] = {
        "accuracy_matrix": [one for one in methods if changed(frame, one, seed)],
        "learning_curves": live,
        "training_curves": [one for one in methods if one not in live],
        "weight_owners": owning,
        "layers_shared": learning.sharing_methods(frame, seed),
        "task_weights": balance.weighing_methods(frame),
    }
    keys: dict[str, Sequence[tuple[str, str]]]
    keys = {"training_curves": _CURVES_KEY, "layers_shared": _SHARED_KEY}
    keys["learning_curves"] = (("ring", "committed"),)
    for kind, (name, title, text) in about.items():
        drawings = [
            Plot(
                f"{_FILES.get(kind, kind)}-{one}",
                f"{title}: {one}",
                svg(draw[kind](frame, one, seed)),
            )
            for one in methods
            if one in set(shown[kind])
        ]
        if drawings:
            groups = [Group("", drawings)]
            yield Section(name, title, text.format(seed=seed), groups, keys.get(kind, ()))


def _of_tasks(frame: pd.DataFrame, methods: Sequence[str], seed: int) -> Iterator[Section]:
    """Sections with one panel per task of each method."""
    places = {task: place for place, task in enumerate(tables.learned_order(frame), 1)}

    def drawings(kind: str, method: str, shown: list[str], draw: Callable[..., Figure]) -> Group:
        names = [f"{kind}-{method}-{slug(places[task], task)}" for task in shown]
        figures = [svg(draw(frame, method, seed, task)) for task in shown]
        labels = [f"{kind.replace('_', ' ')}: {method}, {task}" for task in shown]
        return Group(method, [Plot(*one) for one in zip(names, labels, figures, strict=True)])

    ladders = [(one, plots.pruned_tasks(frame, one, seed)) for one in methods]
    draw = plots.accuracy_against_ratio
    groups = [drawings("accuracy_against_ratio", one, some, draw) for one, some in ladders if some]
    if groups:
        text = words.LADDER.format(seed=seed)
        yield Section("ladder", "Pruning, rung by rung", text, groups, _LADDER_KEY)
    chosen = [(one, learning.choosing_tasks(frame, one, seed)) for one in methods]
    groups = [drawings("posterior", one, some, learning.posterior) for one, some in chosen if some]
    if groups:
        text = words.POSTERIOR.format(seed=seed)
        yield Section("posterior", "How layers were chosen", text, groups)


def changed(frame: pd.DataFrame, method: str, seed: int) -> bool:
    """Whether the accuracy on an older task is not what it was when the task had been learned."""
    matrix = tables.accuracy_matrix(frame, method, seed, tables.learned_order(frame))
    columns = [matrix[place:, place] for place in range(len(matrix))]
    return any((column != column[0]).any() for column in columns if not pd.isna(column).any())
