"""Tables and plots of an experiment as one page, index.html. Local, no torch."""

import logging
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure

from lifelong import store
from lifelong.plan.paths import dataset_of, place_of
from lifelong.plan.stage import Stage
from lifelong.records import learning, verification
from lifelong.records.outcomes import repeated_words
from lifelong.records.rows import Row
from lifelong.records.tables import read_table
from lifelong.report import balance, plots
from lifelong.report import learning as curves
from lifelong.report import verification as faces
from lifelong.report.page import page
from lifelong.stages.tables import read_frame
from lifelong.work.seal import seal

MEANS = "learning, mean over seeds"
FACES = "same person or not"
log = logging.getLogger(__name__)


def run(stage: Stage) -> None:
    """Write index.html and every plot as an SVG of its own beside it."""
    spec = stage.spec
    frame = read_frame(stage.input_list("records"), lambda row: _drawn(row, spec.seeds[0]))
    figures, files = {}, {}
    for name, title, figure in _figures(stage, frame):
        text = plots.svg(figure)
        files[f"{name}.svg"] = store.write_text(Path(stage.path(f"{name}.svg")), text)
        figures[title] = text
    tables = {Path(path).stem: _typed(read_table(path)) for path in stage.input_list("tables")}
    means = learning.mean_over_seeds(tables["learning"], spec.tasks)
    tables[MEANS] = curves.with_spread(means)
    verified = verification.mean_over_seeds(tables.pop("verification"))
    tables[FACES] = faces.in_percent(verified)
    shown = {name: table for name, table in tables.items() if len(table)}
    about = (spec.experiment, spec.protocol)
    words = {"summary": _repeated(stage), MEANS: curves.ABOUT, FACES: faces.ABOUT}
    text = page(*about, shown, figures, _notes(stage), opened=(MEANS, FACES), about=words)
    files["index.html"] = store.write_text(Path(stage.path("index.html")), text)
    seal(stage, files)


def _drawn(row: Row, seed: int) -> bool:
    """Measurements made during training are many: they are drawn for the first seed only."""
    return row.stage != "train" or row.seed == seed


def _figures(stage: Stage, frame: pd.DataFrame) -> Iterator[tuple[str, str, Figure]]:
    spec = stage.spec
    methods, seed = spec.methods, spec.seeds[0]
    size = plots.accuracy_against_size(frame, spec.tasks, methods)
    yield "accuracy_against_size", "Accuracy against size", size
    for method in methods:
        matrix = plots.accuracy_matrix(frame, method, seed)
        yield f"accuracy_matrix-{method}", f"Accuracy after each task: {method}", matrix
    yield from _learning_figures(frame, methods, seed)
    for method in filter(balance.weighing_methods(frame).__contains__, methods):
        figure = balance.task_weights(frame, method, seed)
        yield f"task_weights-{method}", f"Weights and losses of tasks: {method}", figure
    pruned = set(frame.loc[frame["stage"] == "prune", "method"])
    for method in filter(pruned.__contains__, spec.sharing):
        ratio = plots.accuracy_against_ratio(frame, method, seed)
        yield f"accuracy_against_ratio-{method}", f"Accuracy against pruning ratio: {method}", ratio
        owners = plots.weight_owners(frame, method, seed)
        yield f"weight_owners-{method}", f"Who owns the weights: {method}", owners


def _learning_figures(
    frame: pd.DataFrame, methods: list[str], seed: int
) -> Iterator[tuple[str, str, Figure]]:
    """The figures of methods that share layers or measure while they learn, if there are any."""
    patterned = set(learning.patterns(frame).index.get_level_values("method"))
    if patterned:
        shared = [method for method in methods if method in patterned]
        yield "layers_shared", "Layers shared", curves.sharing(frame, shared, seed)
    for method in filter(curves.learning_methods(frame).__contains__, methods):
        figure = curves.learning_curves(frame, method, seed)
        yield f"learning_curves-{method}", f"Accuracy while learning: {method}", figure
    for method in filter(curves.choosing_methods(frame).__contains__, methods):
        figure = curves.posterior(frame, method, seed)
        yield f"posterior-{method}", f"How probable each pattern is: {method}", figure


def _typed(table: pd.DataFrame) -> pd.DataFrame:
    """The table with its counts and yes-or-no columns typed again: empty cells made them floats."""
    counts = ("goals_met", "convergence_epoch", "weights_model")
    kinds = {"met": "boolean"} | dict.fromkeys(counts, "Int64")
    return table.astype({name: kind for name, kind in kinds.items() if name in table})


def _repeated(stage: Stage) -> str:
    """How many test images are also learned from, which makes accuracies too good."""
    said = []
    for path in map(Path, stage.input_list("packs")):
        count = store.read_manifest(path.parent)["outcome"].get("tested_and_trained", 0)
        if count:
            said.append(repeated_words(count, dataset_of(path.as_posix())))
    return "; ".join(said)


def _notes(stage: Stage) -> list[str]:
    """Why each task has its ratio or pattern, in words."""
    notes = []
    for path in map(Path, stage.input_list("selected")):
        chosen = store.read_json(path)
        place = place_of(path.as_posix())
        assert place is not None  # the plan made the path
        what = (
            f"pattern {chosen['pattern']}"
            if "pattern" in chosen
            else f"ratio {chosen['ratio']:g} at width {chosen['width']:g}"
        )
        run = f"{place.method} s{place.seed}"
        notes.append(f"{run} {chosen['task']}: {what}, {chosen['reason']}")
        notes += [f"{run} {chosen['task']} {said}" for said in chosen.get("warnings", ())]
    return notes
