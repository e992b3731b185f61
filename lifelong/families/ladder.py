"""The pruning ladder: release the smallest weights of a task, rung by rung, and keep every rung.

The ladder knows no goal: it explores until training accuracy falls below its floor, and `select`
chooses. A rung is a file of its own, so that a killed job goes on at the last finished one.
"""

import hashlib
import logging
from dataclasses import replace
from pathlib import Path
from typing import Any

from lifelong import store
from lifelong.families.network_work import NetworkWork
from lifelong.masks import Shard, TaskLearner
from lifelong.masks.prune import cubic
from lifelong.optim.phase import Phase
from lifelong.plan.errors import DamagedFile
from lifelong.plan.specs import canonical
from lifelong.plan.stage import Stage
from lifelong.records.rows import REJECTED, Row
from lifelong.train.loop import fit
from lifelong.train.step import mask_step
from lifelong.work import shards
from lifelong.work.seal import input_digests
from lifelong.work.work import commit

log = logging.getLogger(__name__)
_SAID = ("ratio", "train_accuracy")


def prune(stage: Stage) -> None:
    """Write one file per rung and a record row for each; the candidate is rung 0."""
    work = NetworkWork(stage)
    candidate = own_candidate(work, Path(stage.input("candidate")))
    learner = work.learner(candidate.card.width)
    learner.load(candidate)
    learned = store.read_manifest(Path(stage.input("candidate")).parent)["outcome"]
    rungs = [_measured(work, learner, 0.0, learned["train_accuracy"])]
    rejected: list[dict[str, Any]] = []
    files: dict[str, str] = {}
    stop_at = 1.0 if work.spec.stop_at is None else work.spec.stop_at
    for ratio in work.spec.settings["ratios"] if learner.counts()["owned"] else ():
        if rungs[-1]["ratio"] >= stop_at:
            log.info("the goal was missed at the width cap: pruned no further")
            break
        rung = _finished(work, learner, candidate, ratio)
        rung = rung or _climb(work, learner, ratio, rungs[-1]["ratio"])
        if _below(rung, work.spec.settings["min_train_accuracy"]):
            rejected.append(rung)
            break
        rungs.append(rung)
        files[rung_name(ratio)] = store.digest(Path(stage.path(rung_name(ratio))))
    _drop_others(stage, files)
    width = candidate.card.width
    rows = [row for rung in rungs for row in _rows(work, rung, width)]
    rows += [row for rung in rejected for row in _rows(work, rung, width, REJECTED)]
    commit(stage, files, rows, {"rungs": rungs, "width": width})


def _below(rung: dict[str, Any], floor: float) -> bool:
    """Whether training accuracy fell below its floor; a rung without training has none."""
    if rung["train_accuracy"] is None or rung["train_accuracy"] >= floor:
        return False
    log.info("ratio %g: training accuracy fell to %.3f, the end", *map(rung.get, _SAID))
    return True


def rung_name(ratio: float) -> str:
    """The file of a rung."""
    return f"ratio-{ratio:g}.h5"


def _climb(work: NetworkWork, learner: TaskLearner, ratio: float, before: float) -> dict[str, Any]:
    """Prune from one ratio to the next and recover."""
    settings = work.spec.settings
    if settings["schedule"] == "one_shot":
        learner.prune_to(ratio)
    if settings["epochs"]:
        # A rung is what its last epoch leaves: earlier ones have more weights.
        phase = Phase.of(settings, work.spec.recipe, keep_epoch="last", plateau=None)
        result = fit(
            mask_step(learner, phase, work.loss),
            work.data,
            phase,
            work.seed("batches", "prune", ratio),
            after_step=_gradually(learner, settings, before, ratio),
            resume=work.resume("prune", ratio),
            name=f"prune to {ratio:g}",
        )
        last = result.epochs[-1]
        rung = _rung(learner, ratio, last.accuracy, last.train_accuracy)
    else:
        rung = _measured(work, learner, ratio)
    path = Path(work.stage.path(rung_name(ratio)))
    # The picks are the candidate's: only weights are released on the ladder.
    shards.save(path, learner.rung(), rung={"key": _key(work, ratio), **rung})
    work.resume("prune", ratio).forget()
    log.info("ratio %g: accuracy %.4f", ratio, rung["accuracy"])
    return rung


def _gradually(learner: TaskLearner, settings: dict[str, Any], before: float, ratio: float) -> Any:
    """A hook that releases weights every few steps of the window, on the cubic schedule."""
    if settings["schedule"] == "one_shot":
        return None

    def after_step(step: int, steps_an_epoch: int) -> None:
        window = min(settings["window"], settings["epochs"]) * steps_an_epoch
        if step <= window and (step % settings["every"] == 0 or step == window):
            learner.prune_to(cubic(step, window, before, ratio))

    return after_step


def _measured(
    work: NetworkWork, learner: TaskLearner, ratio: float, train: float | None = None
) -> dict[str, Any]:
    """A rung of a learner that was not trained on it."""
    return _rung(learner, ratio, work.deciding(learner), train)


def _rung(
    learner: TaskLearner, ratio: float, deciding: float, train: float | None
) -> dict[str, Any]:
    """`train` is the running accuracy of the last epoch of training, as everywhere."""
    owned = learner.counts()["owned"]
    return {"ratio": ratio, "accuracy": deciding, "train_accuracy": train, "owned": owned}


def _finished(
    work: NetworkWork, learner: TaskLearner, candidate: Shard, ratio: float
) -> dict[str, Any] | None:
    """A rung that an earlier run of the stage finished; the learner takes it over.

    How far the ladder goes is no part of what a rung is, so that another goal trains none again.
    """
    path = Path(work.stage.path(rung_name(ratio)))
    try:
        rung = dict(store.read_attrs(path)["rung"])
        if rung.pop("key") != _key(work, ratio):
            return None
        learner.load(with_scores(shards.load(path), candidate))
    except (KeyError, DamagedFile):
        return None
    log.info("ratio %g was finished before", ratio)
    return rung


def own_candidate(work: NetworkWork, path: Path) -> Shard:
    """The task's working file. Raises DamagedFile for one of another task, run or history."""
    candidate = shards.verified(path)
    if candidate.card != work.card(candidate.card.width):
        raise DamagedFile(path, "belongs to another run than the shards before it")
    return candidate


def with_scores(rung: Shard, candidate: Shard) -> Shard:
    """A rung with the scores of the candidate it was pruned from."""
    return replace(rung, scores=candidate.scores)


def _rows(
    work: NetworkWork, rung: dict[str, Any], width: float, metric: str = "accuracy"
) -> list[Row]:
    at = {"ratio": rung["ratio"], "width": width}
    rows = [work.row(metric, rung["accuracy"], split=work.data.deciding_name, **at)]
    if metric == "accuracy":
        rows.append(work.row("weights_owned", rung["owned"], **at))
    if rung["train_accuracy"] is not None:
        rows.insert(0, work.row(metric, rung["train_accuracy"], split="train", **at))
    return rows


def _key(work: NetworkWork, ratio: float) -> str:
    """What decides a rung, as a digest."""
    key = canonical(
        {
            "spec": replace(work.spec, stop_at=None),
            "inputs": input_digests(work.stage),
            "ratio": ratio,
        }
    )
    return hashlib.blake2b(key.encode(), digest_size=16).hexdigest()


def _drop_others(stage: Stage, files: dict[str, str]) -> None:
    """Remove rungs of an earlier run or below the floor; the manifest names the ones that count."""
    for path in Path(stage.folder).glob("ratio-*.h5"):
        if path.name not in files:
            path.unlink()
