"""From a file under results/ to the stage that writes it."""

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from lifelong.plan.decisions import Grown, grown
from lifelong.plan.errors import UserError
from lifelong.plan.facts import number, outcome
from lifelong.plan.paths import place_of
from lifelong.plan.plan import NOT_GROWN, TABLES, Plan
from lifelong.plan.stage import Key, Stage

_FILES = {  # of a stage, beside its log
    "align_faces": r"manifest\.json|faces\.h5|photos\.csv",
    "pack_data": r"manifest\.json|pack\.h5",
    "goals": r"manifest\.json|goal\.json",
    "select": r"manifest\.json|record\.csv|selected\.json",
    "baseline": r"manifest\.json|record\.csv|shard\.h5|repeat-\d+\.h5|split\.csv",
    "train": r"manifest\.json|record\.csv|candidate\.h5|split\.csv",
    "expand": r"manifest\.json|record\.csv|candidate\.h5",
    "prune": r"manifest\.json|record\.csv|ratio-[\d.e-]+\.h5",
    "retrain": r"manifest\.json|record\.csv|shard\.h5",
    "infer": r"manifest\.json|record\.csv|logits\.h5",
    "tables": "|".join([r"manifest\.json", *(rf"{name}\.csv" for name in TABLES)]),
    "report": r"manifest\.json|index\.html|[\w-]+\.svg",
}
Reader = Callable[[str], dict[str, Any]]


def read_facts(path: str) -> dict[str, Any]:
    """A manifest or goal that decides what comes next. Raises DamagedFile."""
    from lifelong import store  # h5py; the Snakefile, which has a reader of its own, does without

    file = Path(path)
    if file.name == "manifest.json":
        return store.read_manifest(file.parent)
    return store.read_json(file)


def find_stage(plan: Plan, path: str, read: Reader = read_facts) -> Stage:
    """The stage that writes a file; `read` gives the facts that decide its inputs.

    Raises UserError where no stage of the plan writes the file.
    """
    folder, _, name = path.rpartition("/")
    stage = _writer(plan, path, folder, read)
    if stage is None:
        raise UserError(
            f"no stage of experiment {plan.paths.experiment} writes {path}: "
            "check its spelling, and give the experiment's --configfile"
        )
    if name != "log.txt" and not re.fullmatch(_FILES[stage.kind], name, re.ASCII):
        raise UserError(f"{path} is not among the files of its stage: check its spelling")
    return stage


def _writer(plan: Plan, path: str, folder: str, read: Reader) -> Stage | None:
    for dataset in plan.config["datasets"]:
        if folder == plan.paths.pack_folder(dataset):
            return plan.pack_stage(dataset)
        for part in plan.align_stages(dataset):
            if folder == part.folder:
                return part
    for kind in ("tables", "report"):
        if folder == plan.paths.of_kind(kind):
            return plan.overview(kind)
    key = _key(plan, path)
    if key is None or folder != plan.folder(key):
        return None
    after = key.kind in ("prune", "retrain")
    return plan.stage(key, _grown(plan, key, read) if after else NOT_GROWN)


def _key(plan: Plan, path: str) -> Key | None:
    place = place_of(path)
    if place is None or place.slug not in plan.slugs:
        return None
    if place.method not in plan.methods or place.seed not in plan.config["seeds"]:
        return None
    if place.kind not in plan.row(place.method).kinds:
        return None
    if (place.kind == "expand") != (place.attempt > 0):
        return None
    position = plan.position(place.slug)
    return Key(place.kind, place.method, place.seed, position, place.attempt)


def _grown(plan: Plan, key: Key, read: Reader) -> Grown:
    """How the attempts ended that met the task's goal or the cap."""
    if not plan.row(key.method).expands:
        return NOT_GROWN
    settings = plan.settings(key.method)
    given = plan.file(replace(key, kind="goals"), "goal.json")
    goal = number(read(given), "goal", given)
    cap, floor = settings["expand"]["cap"], settings["train"]["min_train_accuracy"]

    def outcome_of(attempt: int) -> dict[str, float]:
        tried = replace(key, kind="expand" if attempt else "train", attempt=attempt)
        manifest = plan.file(tried, "manifest.json")
        return outcome(read(manifest), manifest)

    return grown(outcome_of, goal, cap, floor)
