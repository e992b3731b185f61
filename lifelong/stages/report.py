"""Tables and plots of an experiment as one page, index.html. Local, no torch."""

import contextlib
import json
import os
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pandas as pd
import yaml

import lifelong
from lifelong import store
from lifelong.plan.paths import dataset_of, place_of
from lifelong.plan.stage import Stage
from lifelong.records import durations, learning, verification
from lifelong.records.outcomes import repeated_words
from lifelong.records.rows import Row
from lifelong.records.tables import read_table
from lifelong.report import learning as curves
from lifelong.report import plots, words
from lifelong.report import verification as faces
from lifelong.report.answers import AnsweredTask, tasks_of
from lifelong.report.canvas import svg
from lifelong.report.page import Downloads, Page, as_table, page
from lifelong.report.results import final, mean_intervals, results
from lifelong.report.sections import sections
from lifelong.stages.tables import read_frame
from lifelong.work.seal import seal

MEANS = "Learning, mean over tasks and seeds"
FACES = "Same person or not"
TIMES = "times.svg"  # no manifest names it: it differs in every run


def run(stage: Stage) -> None:
    """Write index.html, the tables alone as tables.html, and every figure as an SVG beside them."""
    frame = read_frame(stage.input_list("records"), lambda row: _drawn(row, stage.spec.seeds[0]))
    content = _content(stage, frame)
    texts = {
        f"{drawing.name}.svg": drawing.svg
        for section in content.sections
        for group in section.groups
        for drawing in group.drawings
    }
    texts["index.html"] = page(content)
    texts["tables.html"] = page(content, "tables.html.jinja2")
    store.write_text(Path(stage.path(TIMES)), svg(plots.stage_times(_seconds(stage))))
    files = {name: store.write_text(Path(stage.path(name)), texts[name]) for name in texts}
    for path in Path(stage.folder).glob("*.svg"):  # figures that an earlier report had
        if path.name not in {*files, TIMES}:
            path.unlink()
    seal(stage, files)


def _drawn(row: Row, seed: int) -> bool:
    """Measurements made during training are many: they are drawn for the first seed only."""
    return row.stage not in ("train", "baseline") or row.seed == seed or row.epoch is None


def _content(stage: Stage, frame: pd.DataFrame) -> Page:
    spec = stage.spec
    seed = spec.seeds[0]
    tables = {Path(path).stem: _typed(read_table(path)) for path in stage.input_list("tables")}
    reached = final(tables["accuracy"])
    answers = list(_answers(stage))
    images = {one.name: one.images for _, tasks in answers for one in tasks}
    ends = mean_intervals(reached, images)
    owning = [method for figure, method in spec.figures if figure == "weight_owners"]
    top = results(reached, tables["summary"], tables["published"], spec.tasks)
    return Page(
        title=spec.experiment,
        protocol=spec.protocol,
        lede=_lede(stage),
        results=top,
        results_about=_results_about(stage, images, ends),
        warnings=_repeated(stage),
        more=list(_more(tables, spec.tasks)),
        sections=list(sections(frame, spec.tasks, spec.methods, seed, ends, owning)),
        answers=answers,
        answers_about=words.CONFUSION.format(seed=seed),
        times="the time that stages took, of each method: see times.svg beside this page",
        tables=[as_table(name, table) for name, table in tables.items() if len(table)],
        notes=_notes(stage),
        settings=_printed(spec.settings),
        versions=_versions(stage),
        files=list(_files(stage)),
    )


def _printed(settings: Mapping[str, Any]) -> str:
    """The configuration as YAML; the same text whether it was read from a file or made in here."""
    without_aliases = json.loads(json.dumps(settings))
    return str(yaml.safe_dump(without_aliases, allow_unicode=True))


def _lede(stage: Stage) -> str:
    spec = stage.spec
    network = spec.settings.get("network", {}).get("name", "")
    counts = [
        _count(len(spec.methods), "method"),
        _count(len(spec.tasks), "task"),
        _count(len(spec.seeds), "seed"),
    ]
    on = f", network {network}" if network else ""
    return f"{counts[0]} learned {counts[1]} one after another, {counts[2]}{on}."


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _results_about(
    stage: Stage, images: dict[str, int], ends: dict[str, tuple[float, float]]
) -> str:
    several = len(stage.spec.seeds) > 1
    spread = (
        "mean ± sample deviation over seeds (none where it is 0.0)" if several else "of one seed"
    )
    half = max(((high - low) / 2 for low, high in ends.values()), default=0.0)
    return words.RESULTS.format(
        spread=spread, images=sum(images.values()), half=f"{100 * half:.1f}"
    )


def _more(tables: dict[str, pd.DataFrame], tasks: list[str]) -> Iterator[tuple[str, str, Any]]:
    """What some experiments measure beside: how tasks were learned, and pairs of faces."""
    means = learning.mean_over_seeds(tables["learning"], tasks)
    if len(means):
        yield MEANS, curves.ABOUT, as_table("", curves.with_spread(means))
    verified = verification.mean_over_seeds(tables["verification"])
    if len(verified):
        yield FACES, faces.ABOUT, as_table("", faces.in_percent(verified))


def _answers(stage: Stage) -> Iterator[tuple[str, list[AnsweredTask]]]:
    """What each method's first seed answered to the test pictures after its last task."""
    pairs = zip(stage.input_list("confusion"), stage.input_list("mistakes"), strict=True)
    for confusion, mistakes in pairs:
        place = place_of(confusion)
        assert place is not None  # the plan made the path
        yield place.method, tasks_of(_read(confusion), _read(mistakes))


def _read(path: str) -> pd.DataFrame:
    kinds = dict.fromkeys(("on_task", "label", "answer", "png"), str)
    return pd.read_csv(path, dtype=kinds, keep_default_na=False)


def _seconds(stage: Stage) -> dict[str, dict[str, float]]:
    """By method and kind of stage, the seconds of all its seeds and tasks."""
    tasks = dict.fromkeys(Path(path).parents[1] for path in stage.input_list("records"))
    seconds: dict[str, dict[str, float]] = {}
    for task in tasks:
        for timing in sorted([*task.glob("*/timing.json"), *task.glob("expand/a*/timing.json")]):
            place = place_of(timing.as_posix())
            took = durations.stage_seconds(timing.parent)
            if place is not None and took is not None:
                of_method = seconds.setdefault(place.method, {})
                of_method[place.kind] = of_method.get(place.kind, 0.0) + took
    return seconds


def _typed(table: pd.DataFrame) -> pd.DataFrame:
    """The table with its counts and yes-or-no columns typed again: empty cells made them floats."""
    counts = ("goals_met", "convergence_epoch", "weights_model")
    kinds = {"met": "boolean"} | dict.fromkeys(counts, "Int64")
    return table.astype({name: kind for name, kind in kinds.items() if name in table})


def _repeated(stage: Stage) -> list[str]:
    """How many test images are also learned from, which makes accuracies too good."""
    said = []
    for path in map(Path, stage.input_list("packs")):
        count = store.read_manifest(path.parent)["outcome"].get("tested_and_trained", 0)
        if count:
            said.append(repeated_words(count, dataset_of(path.as_posix())))
    return said


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


def _versions(stage: Stage) -> list[tuple[str, str]]:
    """What the stages ran with, each version and machine that occurs, and the code of this page."""
    said: dict[str, dict[str, None]] = {}
    for folder in dict.fromkeys(Path(path).parent for path in stage.input_list("records")):
        manifest = store.read_manifest(folder)
        facts = {**manifest.get("versions", {}), **manifest.get("machine", {})}
        for name, value in facts.items():
            said.setdefault(name, {})[str(value)] = None
    versions = [(name, ", ".join(values)) for name, values in sorted(said.items())]
    commit = _commit()
    return [*versions, *([("commit that made this page", commit)] if commit else [])]


def _commit() -> str:
    """The commit of the code, where it lies in a git checkout of its own; "" elsewhere."""
    root = Path(lifelong.__file__).parents[1]
    if not (root / ".git").exists():
        return ""
    ask = ["git", "-C", str(root), "describe", "--always", "--dirty", "--abbrev=10"]
    with contextlib.suppress(OSError, subprocess.SubprocessError):
        return subprocess.run(ask, capture_output=True, text=True, check=True).stdout.strip()
    return ""


def _files(stage: Stage) -> Iterator[Downloads]:
    """Links to the records and logs of the first seed, by method and task."""
    lines: dict[str, dict[str, list[tuple[str, str, str]]]] = {}
    for path in stage.input_list("records"):
        place = place_of(path)
        if place is not None and place.seed == stage.spec.seeds[0]:
            record = quote(os.path.relpath(path, stage.folder))
            links = (place.kind, record, f"{record.rsplit('/', 1)[0]}/log.txt")
            lines.setdefault(place.method, {}).setdefault(place.slug, []).append(links)
    for method, tasks in lines.items():
        yield Downloads(method, list(tasks.items()))
