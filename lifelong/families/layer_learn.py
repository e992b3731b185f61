"""Learn one task by a method of the layer family; which layers it shares is decided afterwards."""

from dataclasses import asdict, replace
from pathlib import Path

from lifelong.families.layer_work import LayerJob, candidate_prefix, save_part
from lifelong.layers.learner import LayerLearner
from lifelong.layers.model import Tensors
from lifelong.layers.part import LayerCard
from lifelong.plan.stage import Stage
from lifelong.records.rows import Row
from lifelong.train.layer_step import LayerStep
from lifelong.train.loop import Epoch, fit
from lifelong.work.work import commit


def run(stage: Stage) -> None:
    """Write candidate.h5: every tensor the task was learned with, of all patterns still open."""
    job = LayerJob(stage)
    tries = job.tries()
    if len(tries) > 1:
        _search(job, tries)
        return
    learner = job.learner(pattern=tries[0])
    untrained = job.measured(learner, 0, 0) if not job.model.shards else {}
    learner, epochs = _learn(job, learner)
    rows = job.measured_rows(untrained, 0) + _rows(job, epochs)
    _close(job, learner.card, learner.state(), rows, epochs[-1], learner.patterns())


def _search(job: LayerJob, tries: list[str]) -> None:
    """Train every pattern as if it were the only one; the record is of the best, as its epochs."""
    states: Tensors = {}
    found = {}
    for pattern in tries:
        learner, found[pattern] = _learn_once(job, job.learner(pattern=pattern), pattern)
        prefix = candidate_prefix(pattern)
        states |= {f"{prefix}{name}": tensor for name, tensor in learner.state().items()}
    scores = {name: max(epoch.accuracy for epoch in epochs) for name, epochs in found.items()}
    epochs = found[max(scores, key=lambda pattern: scores[pattern])]
    split = job.data.deciding_name
    rows = [job.row(f"candidate:{p}", s, split=split, width=1.0) for p, s in scores.items()]
    _close(job, job.card(), states, rows + _rows(job, epochs), epochs[-1], scores)


def _learn_once(
    job: LayerJob, learner: LayerLearner, pattern: str
) -> tuple[LayerLearner, list[Epoch]]:
    """Train one pattern of several; what a killed run of the stage had finished is taken over."""
    done = job.resume("done", pattern)
    saved = done.load()
    if saved is not None:
        tensors, facts = saved
        learner.load_state(tensors)
        return learner, [Epoch(**epoch) for epoch in facts["epochs"]]
    learner, epochs = _learn(job, learner, pattern)
    done.save(learner.state(), {"epochs": [asdict(epoch) for epoch in epochs]})
    return learner, epochs


def _learn(job: LayerJob, learner: LayerLearner, *names: str) -> tuple[LayerLearner, list[Epoch]]:
    """Fit a learner and all that follow it; `names` are of what they may go on from."""
    begun = job.resume("begun", *names)
    saved, epochs = begun.load(), list[Epoch]()
    if saved is not None:
        tensors, facts = saved
        learner = job.learner(pattern=learner.card.pattern, facts=facts["card"])
        learner.load_state(tensors)
        epochs = [Epoch(**epoch) for epoch in facts["epochs"]]
    while True:
        epochs += _fitted(job, learner, len(epochs), *names)
        after = learner.following(epochs[-1].more)
        if after is None:
            learner.finish(job.deciding_images())
            return learner, epochs
        learner = after
        done = [asdict(epoch) for epoch in epochs]
        begun.save(learner.state(), {"card": learner.card.facts, "epochs": done})


def _fitted(job: LayerJob, learner: LayerLearner, before: int, *names: str) -> list[Epoch]:
    """One phase of a task, with its epochs counted on from those `before`."""
    phase = job.phase(learner.part, before)
    names = (*names, learner.part.name) if learner.part.name else names

    def look(epoch: int) -> dict[str, float]:
        at, last = before + epoch, before + phase.epochs
        found = job.measured(learner, at, last)
        facts = learner.epoch_facts()  # asked for after every epoch, which it ends
        return found | (facts if job.looks_at(at, last) else {}) | {"lr": phase.rate(epoch - 1)}

    seed = job.seed("batches", "learn", *([learner.part.name] if learner.part.name else [0]))
    result = fit(
        LayerStep(learner, seed),
        job.data,
        phase,
        seed,
        resume=job.resume("train", *names),
        name=" ".join((job.spec.method, *names)),
        after_epoch=look,
    )
    return [replace(epoch, epoch=before + epoch.epoch) for epoch in result.epochs]


def _rows(job: LayerJob, epochs: list[Epoch]) -> list[Row]:
    rows = []
    for epoch in epochs:
        rows.append(job.row("loss", epoch.train_loss, split="train", epoch=epoch.epoch, width=1.0))
        rows += job.measured_rows(epoch.more, epoch.epoch)
    return rows


def _close(
    job: LayerJob,
    card: LayerCard,
    state: Tensors,
    rows: list[Row],
    last: Epoch,
    patterns: dict[str, float],
) -> None:
    """Write the candidate, and the record with how good each pattern is."""
    path = Path(job.stage.path("candidate.h5"))
    outcome = {
        "accuracy": last.accuracy,
        "train_accuracy": last.train_accuracy,
        "split": job.data.deciding_name,
        "width": 1.0,
        "patterns": list(patterns.items()),
    }
    commit(job.stage, {path.name: save_part(path, card, state)}, rows, outcome)
