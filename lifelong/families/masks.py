"""Tasks that own weights of one network, pick older ones by masks, and make it grow."""

import logging
from pathlib import Path

from lifelong import store
from lifelong.families.ladder import own_candidate, prune, rung_name, with_scores
from lifelong.families.network_work import NetworkWork
from lifelong.masks import Shard, TaskLearner, without_spares
from lifelong.masks.codebook import quantised
from lifelong.optim.phase import Phase
from lifelong.plan.code import load
from lifelong.plan.decisions import next_width
from lifelong.plan.errors import DamagedFile
from lifelong.plan.facts import number
from lifelong.plan.stage import Stage
from lifelong.train.loop import Result, fit
from lifelong.train.step import mask_step
from lifelong.work import shards
from lifelong.work.work import commit as write

__all__ = ["commit", "learn", "prune"]
log = logging.getLogger(__name__)


def learn(stage: Stage) -> None:
    """One attempt of a task; attempt 0 does not widen. Every attempt starts from the same model.

    Writes candidate.h5: the task's weights and scores, not pruned.
    """
    work = NetworkWork(stage)
    before = work.model.width
    width, attempt = before, work.spec.attempt
    if work.model.newest is not None:
        width += work.spec.settings.get("widens_by", 0.0)
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
    assert result.kept is not None  # nothing has to be beaten
    kept, counts = result.kept, learner.counts()
    files = {"candidate.h5": shards.save(Path(stage.path("candidate.h5")), learner.working())}
    rows = work.epoch_rows(result.epochs, attempt=attempt, width=width)
    outcome = {
        "accuracy": kept.accuracy,
        "train_accuracy": kept.train_accuracy,
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
    before = work.deciding(learner)
    section = work.spec.settings
    result = Result([], None)
    # A first task of a picking method has nothing to pick: its rung is what it is (as in CPG).
    idle = work.method.picks == "threshold" and work.model.newest is None
    if section["epochs"] and not idle and learner.counts()["owned"]:
        changes = {} if work.method.picks else {"mask_lr": 0.0}
        beat = before if section["keep"] == "best" else None
        phase = Phase.of(section, work.spec.recipe, beat=beat, **changes)
        seed, resume = work.seed("batches", "retrain"), work.resume("retrain")
        step = mask_step(learner, phase, work.loss)
        result = fit(step, work.data, phase, seed, resume=resume, name="retrain")
    kept = result.kept is not None
    if result.epochs and not kept:
        learner = work.learner(chosen.card.width)
        learner.load(chosen)
    after = result.kept.accuracy if result.kept else before
    if result.epochs:
        verdict = "kept" if kept else "the selected rung is better"
        log.info("accuracy %.4f, after retraining %.4f: %s", before, after, verdict)
    else:
        log.info("accuracy %.4f, not retrained", before)
    brought, after = _finished(work, learner, after)
    path = Path(stage.path("shard.h5"))
    shard = work.model.part(without_spares(brought))
    files = {path.name: shards.save(path, shard)}
    rows = work.epoch_rows(result.epochs, width=shard.card.width)
    rows += work.size_rows(shard, learner.counts(), path)
    rows.append(work.row("kept", kept, width=shard.card.width))
    rows.append(work.row("accuracy", after, split=work.data.deciding_name, width=shard.card.width))
    write(stage, files, rows, {"accuracy": after, "kept": kept, "width": shard.card.width})


def _finished(work: NetworkWork, learner: TaskLearner, accuracy: float) -> tuple[Shard, float]:
    """What the task brings once its method and `retrain.centres` have made less of it."""
    section, code = work.spec.settings, work.method.code
    finish = load(code) if work.method.finishes else None
    if finish is not None:
        finish(learner, lambda: work.deciding(learner), section["drop"], work.seed("finish"))
    shard = learner.shard()
    if "centres" in section:
        shard = quantised(shard, section["centres"])
        learner.set_own(shard.values)
    if finish is None and "centres" not in section:
        return shard, accuracy
    after = work.deciding(learner)
    log.info("accuracy %.4f of what is written", after)
    return shard, after


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
