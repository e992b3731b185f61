"""Tasks that own weights of one network, pick older ones by masks, and make it grow."""

import logging
from collections.abc import Sequence
from pathlib import Path

from lifelong import store
from lifelong.families.ladder import own_candidate, prune, rung_name, with_scores
from lifelong.families.network_work import NetworkWork
from lifelong.masks import Model, Shard
from lifelong.optim.phase import Phase
from lifelong.plan.decisions import next_width
from lifelong.plan.errors import DamagedFile
from lifelong.plan.facts import number
from lifelong.plan.specs import TaskSpec
from lifelong.plan.stage import Stage
from lifelong.train.evaluate import accuracy, logits
from lifelong.train.loop import Result, fit
from lifelong.train.step import mask_step
from lifelong.work import shards
from lifelong.work.work import commit as write

__all__ = ["commit", "learn", "prune", "read"]
log = logging.getLogger(__name__)


def read(paths: Sequence[Path], expected: TaskSpec | None = None, views: bool = True) -> Model:
    """The model of all tasks, checked as `read_model` does."""
    return shards.read_model(paths, expected, views)


def learn(stage: Stage) -> None:
    """One attempt of a task; attempt 0 does not widen. Every attempt starts from the same model.

    Writes candidate.h5: the task's weights and scores, not pruned.
    """
    work = NetworkWork(stage)
    before = work.model.width
    width, attempt = before, work.spec.attempt
    if attempt:
        expand = work.spec.expand
        width = next_width(before, expand["step"], expand["cap"], attempt)
    learner = work.learner(width, attempt)
    changes = {} if work.method.picks else {"mask_lr": 0.0}
    phase = Phase.of(work.spec.settings, work.spec.recipe, **changes)
    name = f"{stage.kind} at width {width:g}"
    result = fit(
        mask_step(learner, phase, work.loss),
        work.data,
        phase,
        work.seed("batches", "learn", attempt),
        resume=work.resume("train"),
        name=name,
    )
    last, counts = result.epochs[-1], learner.counts()
    files = {"candidate.h5": shards.save(Path(stage.path("candidate.h5")), learner.shard(True))}
    rows = work.epoch_rows(result.epochs, attempt=attempt, width=width)
    outcome = {
        "accuracy": last.accuracy,
        "train_accuracy": last.train_accuracy,
        "split": work.data.deciding_name,
        "width": width,
        "owned": counts["owned"],
    }
    write(stage, files, rows, outcome)


def commit(stage: Stage) -> None:
    """The selected rung, as it is or trained once more, becomes the task's part of the model.

    Writes shard.h5, which is never written again.
    """
    work = NetworkWork(stage)
    chosen = _selected(work)
    learner = work.learner(chosen.card.width)
    learner.load(chosen)
    data = work.data
    outputs = logits(learner.network, data.deciding, data.mean, data.std)
    before = accuracy(outputs, data.deciding.labels)
    section = work.spec.settings
    result = Result([], None)
    # A first task of a picking method has nothing to pick: its rung is what it is (as in CPG).
    idle = work.method.picks and not work.model.shards
    if section["epochs"] and not idle and learner.counts()["owned"]:
        changes = {} if work.method.picks else {"mask_lr": 0.0}
        beat = before if section["keep"] == "best" else None
        phase = Phase.of(section, work.spec.recipe, beat=beat, **changes)
        seed, resume = work.seed("batches", "retrain"), work.resume("retrain")
        step = mask_step(learner, phase, work.loss)
        result = fit(step, data, phase, seed, resume=resume, name="retrain")
    kept = result.kept is not None
    if result.epochs and not kept:
        learner = work.learner(chosen.card.width)
        learner.load(chosen)
    after = result.kept.accuracy if result.kept else before
    log.info(
        "accuracy %.4f, after retraining %.4f: %s", before, after, "kept" if kept else "as was"
    )
    path = Path(stage.path("shard.h5"))
    shard = work.model.part(learner.shard())
    files = {path.name: shards.save(path, shard)}
    rows = work.epoch_rows(result.epochs, width=shard.card.width)
    rows += work.size_rows(shard, learner.counts(), path)
    rows.append(work.row("kept", kept, width=shard.card.width))
    rows.append(work.row("accuracy", after, split=data.deciding_name, width=shard.card.width))
    write(stage, files, rows, {"accuracy": after, "kept": kept, "width": shard.card.width})


def _selected(work: NetworkWork) -> Shard:
    """The rung that `select` chose, with the scores it was learned with."""
    stage = work.stage
    candidate = own_candidate(work, Path(stage.input("candidate")))
    selected = Path(stage.input("selected"))
    ratio = number(store.read_json(selected), "ratio", selected)
    log.info("selected ratio %g", ratio)
    if not ratio:
        return candidate
    rungs = Path(stage.input("prune")).parent
    if rung_name(ratio) not in store.read_manifest(rungs)["files"]:
        raise DamagedFile(selected, f"names ratio {ratio:g}, which is no rung in {rungs}")
    return with_scores(shards.verified(rungs / rung_name(ratio)), candidate)
