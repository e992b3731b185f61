"""The selected rung, trained once more and kept only if better; what is kept becomes the shard."""

import logging
from pathlib import Path

from lifelong import store
from lifelong.families import layer_commit
from lifelong.masks import Shard
from lifelong.optim.phase import Phase
from lifelong.plan.facts import number
from lifelong.plan.stage import Stage
from lifelong.stages.prune import own_candidate, rung_name, with_scores
from lifelong.train.evaluate import accuracy, logits
from lifelong.train.loop import Result, fit
from lifelong.work import shards
from lifelong.work.work import Job, commit

log = logging.getLogger(__name__)


def run(stage: Stage) -> None:
    """Write shard.h5, the task's part of the model, never to be written again."""
    if "options" in stage.spec:  # only the layer family has them
        layer_commit.run(stage)
    else:
        train_again(stage)


def train_again(stage: Stage) -> None:
    """The mask family: keep what is better, the rung as it is or trained once more."""
    job = Job(stage)
    chosen = _selected(job)
    learner = job.learner(chosen.card.width)
    learner.load(chosen)
    data = job.data
    found = logits(learner.network, data.deciding, data.mean, data.std)
    before = accuracy(found, data.deciding.labels)
    section = job.spec["retrain"]
    result = Result([], None)
    # A first task of a picking method has nothing to pick: its rung is what it is (as in CPG).
    idle = job.method.picks and not job.model.shards
    if section["epochs"] and not idle and learner.counts()["owned"]:
        changes = {} if job.method.picks else {"mask_lr": 0.0}
        beat = before if section["keep"] == "best" else None
        phase = Phase.of(section, job.spec["recipe"], beat=beat, **changes)
        seed, resume = job.seed("batches", "retrain"), job.resume("retrain")
        result = fit(learner, data, phase, seed, resume=resume, name="retrain", loss=job.loss)
    kept = result.kept is not None
    if result.epochs and not kept:
        learner = job.learner(chosen.card.width)
        learner.load(chosen)
    after = result.kept.accuracy if result.kept else before
    log.info(
        "accuracy %.4f, after retraining %.4f: %s", before, after, "kept" if kept else "as was"
    )
    path = Path(stage.path("shard.h5"))
    shard = job.model.part(learner.shard())
    files = {path.name: shards.save(path, shard)}
    rows = job.epoch_rows(result.epochs, width=shard.card.width)
    rows += job.size_rows(shard, learner.counts(), path)
    rows.append(job.row("kept", kept, width=shard.card.width))
    rows.append(job.row("accuracy", after, split=data.deciding_name, width=shard.card.width))
    commit(stage, files, rows, {"accuracy": after, "kept": kept, "width": shard.card.width})


def _selected(job: Job) -> Shard:
    """The rung that `select` chose, with the scores it was learned with."""
    stage = job.stage
    candidate = own_candidate(job, Path(stage.input("candidate")))
    selected = Path(stage.input("selected"))
    ratio = number(store.read_json(selected), "ratio", selected)
    log.info("selected ratio %g", ratio)
    if not ratio:
        return candidate
    rung = shards.verified(Path(stage.input("prune")).parent / rung_name(ratio))
    return with_scores(rung, candidate)
