"""Tables and plots of an experiment as one page, index.html. Local, no torch."""

import logging
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure

from lifelong import store
from lifelong.plan.stage import Stage
from lifelong.report import plots
from lifelong.report.page import page
from lifelong.stages.seal import seal
from lifelong.stages.tables import read_frame

log = logging.getLogger(__name__)


def run(stage: Stage) -> None:
    """Write index.html and every plot as an SVG of its own beside it."""
    spec = stage.spec
    frame = read_frame(stage.input_list("records"))
    figures, files = {}, {}
    for name, title, figure in _figures(stage, frame):
        text = plots.svg(figure)
        files[f"{name}.svg"] = store.write_text(Path(stage.path(f"{name}.svg")), text)
        figures[title] = text
    tables = {Path(path).stem: _typed(pd.read_csv(path)) for path in stage.input_list("tables")}
    shown = {name: table for name, table in tables.items() if len(table)}
    text = page(spec["experiment"], spec["protocol"], shown, figures, _notes(stage))
    files["index.html"] = store.write_text(Path(stage.path("index.html")), text)
    seal(stage, files)


def _figures(stage: Stage, frame: pd.DataFrame) -> Iterator[tuple[str, str, Figure]]:
    spec = stage.spec
    methods, seed = spec["methods"], spec["seeds"][0]
    size = plots.accuracy_against_size(frame, spec["tasks"], methods)
    yield "accuracy_against_size", "Accuracy against size", size
    for method in methods:
        matrix = plots.accuracy_matrix(frame, method, seed)
        yield f"accuracy_matrix-{method}", f"Accuracy after each task: {method}", matrix
    for method in spec["sharing"]:
        ratio = plots.accuracy_against_ratio(frame, method, seed)
        yield f"accuracy_against_ratio-{method}", f"Accuracy against pruning ratio: {method}", ratio
        owners = plots.weight_owners(frame, method, seed)
        yield f"weight_owners-{method}", f"Who owns the weights: {method}", owners


def _typed(table: pd.DataFrame) -> pd.DataFrame:
    """Counts and answers as such, where CSV's empty cells made floats of them."""
    kinds = {"goals_met": "Int64", "met": "boolean"}
    return table.astype({name: kind for name, kind in kinds.items() if name in table})


def _notes(stage: Stage) -> list[str]:
    """Why each task has its ratio, in words."""
    notes = []
    for path in map(Path, stage.input_list("selected")):
        chosen = store.read_json(path)
        method, seed = path.parts[-5], path.parts[-4]
        notes.append(
            f"{method} {seed} {chosen['task']}: ratio {chosen['ratio']:g} "
            f"at width {chosen['width']:g}, {chosen['reason']}"
        )
    return notes
