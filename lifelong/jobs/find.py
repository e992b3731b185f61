"""From a file under results/ to the stage that writes it, and files that none would write so."""

import json
import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from lifelong.plan.decisions import Grown, grown
from lifelong.plan.errors import DamagedFile, UserError
from lifelong.plan.facts import number, outcome
from lifelong.plan.paths import place_of, split_root
from lifelong.plan.plan import NOT_GROWN, TABLES, Plan
from lifelong.plan.specs import canonical
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
_MANIFEST = "manifest.json"
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


@dataclass(frozen=True)
class Outdated:
    """A finished stage's folder; without `planned` no stage of the plan writes it any more."""

    folder: Path
    why: str
    planned: bool

    @property
    def manifest(self) -> str:
        return f"{self.folder.as_posix()}/{_MANIFEST}"


def outdated(plan: Plan) -> Iterator[Outdated]:
    """Finished stages that are not what the plan would make now, by their specs and inputs.

    What cannot be judged yet, because a file that decides is missing or damaged, is left out.
    """
    for folder in finished(Path(plan.paths.base)):
        path = f"{folder.as_posix()}/{_MANIFEST}"
        try:
            made = _read(path)
            if not _wrote_here(made, folder):
                continue  # foreign: the stages that read it refuse it by name
            stage = find_stage(plan, path, _read)
        except DamagedFile:
            continue
        except UserError:
            yield Outdated(folder, "no stage of the configuration writes it", planned=False)
            continue
        if canonical(made.get("spec")) != canonical(stage.spec):
            key = _changed(made.get("spec"), json.loads(canonical(stage.spec)))
            yield Outdated(folder, f"was made with another {key}", planned=True)
        elif set(made.get("inputs", ())) != set(stage.files_read()):
            yield Outdated(folder, "was made from other files", planned=True)


def _wrote_here(made: dict[str, Any], folder: Path) -> bool:
    """Whether a manifest is that of its folder, wherever the results as a whole have moved."""
    wrote, here = split_root(str(made.get("folder"))), split_root(folder.as_posix())
    return wrote is not None and here is not None and wrote[1] == here[1]


def finished(base: Path) -> Iterator[Path]:
    """The folders of an experiment that a manifest has sealed."""
    for folder, below, names in os.walk(base):
        below[:] = sorted(name for name in below if not name.startswith("."))
        if _MANIFEST in names:
            yield Path(folder)


def _read(path: str) -> dict[str, Any]:
    try:
        facts = json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DamagedFile(f"{path} cannot be read: {error}") from error
    if not isinstance(facts, dict):
        raise DamagedFile(f"{path} is not what was written")
    return facts


def _changed(made: Any, planned: Any, within: str = "") -> str:
    """The first key in which two specs differ, such as recipe.batch_size."""
    if not (isinstance(made, dict) and isinstance(planned, dict)):
        return within or "configuration"
    for key in sorted(made.keys() | planned.keys()):
        if made.get(key) != planned.get(key):
            return _changed(made.get(key), planned.get(key), f"{within}.{key}".lstrip("."))
    return within or "configuration"
