"""From a file under results/ to the stage that writes it, and files that none would write so."""

import json
import os
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from lifelong.plan.decisions import Grown, grown
from lifelong.plan.errors import DamagedFile, UserError
from lifelong.plan.facts import number, outcome
from lifelong.plan.overview import TABLES, overview
from lifelong.plan.paths import MANIFEST, beside, place_of, split_root
from lifelong.plan.plan import NOT_GROWN, Plan
from lifelong.plan.specs import canonical
from lifelong.plan.stage import Key, Stage

_FILES = {  # of a stage, beside its log
    "align_faces": r"manifest\.json|faces\.h5|photos\.csv",
    "pack_data": r"manifest\.json|pack\.h5",
    "ground": r"manifest\.json|ground\.h5",
    "goals": r"manifest\.json|goal\.json",
    "select": r"manifest\.json|record\.csv|selected\.json",
    "baseline": r"manifest\.json|record\.csv|shard\.h5|repeat-\d+\.h5|split\.csv",
    "train": r"manifest\.json|record\.csv|candidate\.h5|split\.csv|balance\.csv",
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
    if file.name == MANIFEST:
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
            return overview(plan, kind)
    if plan.has_ground and folder == plan.ground_stage.folder:
        return plan.ground_stage
    key = _key(plan, path)
    if key is None or folder != plan.folder(key):
        return None
    after = key.kind in ("prune", "retrain")
    return plan.stage(key, _grown(plan, key, read) if after else NOT_GROWN)


def _key(plan: Plan, path: str) -> Key | None:
    place = place_of(path)
    if place is None or place.slug not in plan.folders:
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
        manifest = plan.file(tried, MANIFEST)
        return outcome(read(manifest), manifest)

    return grown(outcome_of, goal, cap, floor)


@dataclass(frozen=True)
class Outdated:
    """A finished stage's folder; without `planned` no stage of the plan writes it any more.

    `gone` is a file that it wrote or was made from, where that is what is wrong.
    """

    folder: Path
    why: str
    planned: bool
    gone: str = ""

    @property
    def manifest(self) -> str:
        return f"{self.folder.as_posix()}/{MANIFEST}"


@dataclass(frozen=True)
class Survey:
    """What is wrong with an experiment's finished stages, and the files that they miss.

    `lost` are files that a stage of the plan wrote, and that another was made from. `sound` are the
    folders with which nothing is wrong, and what each was made from, with the digests of then.
    """

    outdated: list[Outdated]
    lost: list[str]
    sound: dict[str, Mapping[str, str]]


def survey(plan: Plan) -> Survey:
    """Compare what has been made with what the plan would make, and with what is still there.

    Reads manifests and names of files alone. What cannot be judged, because a file that decides is
    damaged, is left out.
    """
    names = _names(Path(plan.paths.base))
    found = [_found(plan, names, one) for one, here in names.items() if MANIFEST in here]
    stages = {one.folder: one for one in found if one is not None}
    runs = _Runs(stages)
    wrong = []
    for folder, one in stages.items():
        gone = [*one.gone, *(rung for rung in one.rungs if runs(reader_of(rung)))]
        if one.why:
            wrong.append(Outdated(Path(folder), one.why, one.inputs is not None))
        elif gone:
            wrong.append(Outdated(Path(folder), f"{gone[0]} is missing", True, gone[0]))
    read = sorted({path for one in stages.values() for path in one.inputs or ()})
    lost = [gone for path in read for gone in _lost(plan, names, path)]
    bad = {one.folder.as_posix() for one in wrong}
    sound = {folder: one.made_from for folder, one in stages.items() if folder not in bad}
    return Survey(wrong, list(dict.fromkeys(lost)), sound)


@dataclass(frozen=True)
class _Found:
    """What stands in the folder of a finished stage.

    `why` says what the plan would do otherwise; `gone` are files that it wrote or was made from,
    `rungs` such that only one other stage reads. No `inputs`: the plan has no such stage.
    `made_from`: the digest of each input when it was read.
    """

    folder: str
    why: str = ""
    inputs: Sequence[str] | None = None
    gone: Sequence[str] = ()
    rungs: Sequence[str] = ()
    made_from: Mapping[str, str] = field(default_factory=dict)


def _found(plan: Plan, names: Mapping[str, set[str]], folder: str) -> _Found | None:
    try:
        made = _read(f"{folder}/{MANIFEST}")
        if not _wrote_here(made, Path(folder)):
            return None  # foreign: the stages that read it refuse it by name
        read = _inputs_here(made, folder)
        stage, inputs = _planned(plan, folder, list(read))
    except DamagedFile:
        return None
    except UserError:
        return _Found(folder, "no stage of the configuration writes it")
    wrote = [f"{folder}/{name}" for name in made.get("files", ()) if name not in names[folder]]
    gone = [path for path in wrote if reader_of(path) is None]
    gone += [path for path in inputs if _lost(plan, names, path)]
    rungs = [path for path in wrote if reader_of(path) is not None]
    return _Found(folder, _differs(stage, made, read), inputs, gone, rungs, read)


def outdated(plan: Plan) -> list[Outdated]:
    """Finished stages that are not what the plan would make now, or lack files: see `survey`."""
    return survey(plan).outdated


def is_spare(path: str) -> bool:
    """Whether a stage's file may be gone: a rung, once the task's weights are chosen."""
    reader = reader_of(path)
    return reader is not None and Path(reader).is_file()


def reader_of(path: str) -> str | None:
    """The manifest of the one stage that reads a rung; None for any other file."""
    folder, _, name = path.rpartition("/")
    if not folder.endswith("/prune") or not name.startswith("ratio-"):
        return None
    return f"{beside(path, 'retrain')}/{MANIFEST}"


class _Runs:
    """Whether a stage would run: it is not done, or wrong, or made from what one such makes."""

    def __init__(self, stages: Mapping[str, _Found]) -> None:
        self.stages = stages
        self._known: dict[str, bool] = {}

    def __call__(self, path: str | None) -> bool:
        """Of the stage that writes a file; a file of nobody's is there."""
        folder = (path or "").rpartition("/")[0]
        if split_root(folder) is None:
            return False
        if folder not in self._known:
            stage = self.stages.get(folder)
            self._known[folder] = (
                stage is None or bool(stage.why or stage.gone) or any(map(self, stage.inputs or ()))
            )
        return self._known[folder]


def _planned(plan: Plan, folder: str, read: Sequence[str]) -> tuple[Stage | None, Sequence[str]]:
    """The stage of a folder and its input files; those that were `read` where nobody can say yet.

    Raises UserError where there is none, DamagedFile where a file that decides is damaged.
    """
    try:
        stage = find_stage(plan, f"{folder}/{MANIFEST}", _read)
    except DamagedFile as error:
        if Path(error.path).exists():
            raise
        return None, read
    return stage, stage.files_read()


def _inputs_here(made: Mapping[str, Any], folder: str) -> dict[str, str]:
    """The digests of the files that a stage read, by where they lie now if all results moved.

    Raises DamagedFile where the manifest names none.
    """
    inputs = made.get("inputs")
    wrote, here = split_root(str(made.get("folder"))), split_root(folder)
    if not isinstance(inputs, dict) or wrote is None or here is None:
        raise DamagedFile(f"{folder}/{MANIFEST}", "is damaged (no inputs)")
    then, now = (f"{root}/" if root else "" for root, _ in (wrote, here))
    return {
        f"{now}{path.removeprefix(then)}" if path.startswith(then) else path: digest
        for path, digest in inputs.items()
    }


def _differs(stage: Stage | None, made: Mapping[str, Any], read: Collection[str]) -> str:
    """What the plan would do otherwise; empty where it would not, or nobody can say yet."""
    if stage is None:
        return ""
    if canonical(made.get("spec")) != canonical(stage.spec):
        key = _changed(made.get("spec"), json.loads(canonical(stage.spec)))
        return f"was made with another {key}"
    if set(read) != set(stage.files_read()):
        return "was made from other files"
    return ""


def _lost(plan: Plan, names: Mapping[str, set[str]], path: str) -> list[str]:
    """Which of a file under results/ and the manifest beside it are gone."""
    folder, _, name = path.rpartition("/")
    if not path.startswith(f"{plan.paths.base}/"):
        return []  # the user's own
    here = names.get(folder, set())
    return [f"{folder}/{one}" for one in (name, MANIFEST) if one not in here]


def _names(base: Path) -> dict[str, set[str]]:
    """The names of the files in each folder of an experiment."""
    names = {}
    for folder, below, files in os.walk(base):
        below[:] = sorted(name for name in below if not name.startswith("."))
        names[Path(folder).as_posix()] = set(files)
    return names


def _wrote_here(made: dict[str, Any], folder: Path) -> bool:
    """Whether a manifest is that of its folder, wherever the results as a whole have moved."""
    wrote, here = split_root(str(made.get("folder"))), split_root(folder.as_posix())
    return wrote is not None and here is not None and wrote[1] == here[1]


def finished(base: Path) -> list[Path]:
    """The folders of an experiment that a manifest has sealed."""
    return [Path(folder) for folder, names in _names(base).items() if MANIFEST in names]


def _read(path: str) -> dict[str, Any]:
    try:
        facts = json.loads(Path(path).read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise DamagedFile.missing(path) from error
    except (OSError, ValueError) as error:
        raise DamagedFile(path, f"is damaged ({error})") from error
    if not isinstance(facts, dict):
        raise DamagedFile(path, "is damaged (no mapping)")
    return facts


def _changed(made: Any, planned: Any, within: str = "") -> str:
    """The first key in which two specs differ, such as recipe.batch_size."""
    if not (isinstance(made, dict) and isinstance(planned, dict)):
        return within or "configuration"
    for key in sorted(made.keys() | planned.keys()):
        if made.get(key) != planned.get(key):
            return _changed(made.get(key), planned.get(key), f"{within}.{key}".lstrip("."))
    return within or "configuration"
