"""Tasks that one network learns together: lesson after lesson, each with a trunk of its own.

A lesson begins with the trunk of the one before it; what that one wrote stays as it is.
"""

import logging
from pathlib import Path

import torch

from lifelong import store
from lifelong.families.lesson_work import LessonWork
from lifelong.plan.errors import DamagedFile
from lifelong.plan.stage import Stage
from lifelong.train.evaluate import deciding
from lifelong.train.loop import fit
from lifelong.work.shards import load_lesson, save_lesson
from lifelong.work.work import commit as write

log = logging.getLogger(__name__)


def learn(stage: Stage) -> None:
    """Train the lesson; writes candidate.h5, and balance.csv with losses and weights by steps."""
    work = LessonWork(stage)
    learner, phase = work.learner(), work.phase()
    step = work.step(learner, phase)
    result = fit(
        step,
        work.lesson,
        phase,
        work.seed("batches", "learn", 0),
        resume=work.resume("train"),
        name=f"lesson of {', '.join(work.names)}",
        after_epoch=lambda _: work.after_epoch(step),
    )
    assert result.kept is not None  # nothing has to be beaten
    kept = result.kept
    path = Path(stage.path("candidate.h5"))
    files = {path.name: save_lesson(path, learner.lesson())}
    table = Path(stage.path("balance.csv"))
    files[table.name] = store.write_text(table, step.balance.table())
    rows = work.epoch_rows(result.epochs, width=1.0) + work.task_rows(result.epochs)
    outcome = {
        "accuracy": kept.accuracy,
        "train_accuracy": kept.train_accuracy,
        "split": work.data.deciding_name,
        "width": 1.0,
    }
    write(stage, files, rows, outcome)


def commit(stage: Stage) -> None:
    """What was learned becomes the lesson's part of the model: shard.h5, never written again."""
    work = LessonWork(stage)
    candidate = Path(stage.input("candidate"))
    store.verified(candidate)
    lesson = load_lesson(candidate)
    learner = work.learner()
    if lesson.cards != learner.cards or lesson.tensors.keys() != learner.state().keys():
        raise DamagedFile(candidate, "belongs to another run than the shards before it")
    learner.load_state({name: torch.from_numpy(array) for name, array in lesson.tensors.items()})
    accuracies, _ = deciding(learner.network, work.lesson, with_loss=False)
    path = Path(stage.path("shard.h5"))
    files = {path.name: save_lesson(path, learner.lesson())}
    rows = work.size_rows(learner, path)
    for name, data, accuracy in zip(work.names, work.tasks, accuracies, strict=True):
        at = {"on_task": name, "split": data.deciding_name, "width": 1.0}
        rows.append(work.row("accuracy", accuracy, **at))
    said = ", ".join(
        f"{name} {accuracy:.4f}" for name, accuracy in zip(work.names, accuracies, strict=True)
    )
    log.info("accuracies %s", said)
    write(stage, files, rows, {"accuracy": sum(accuracies) / len(accuracies), "width": 1.0})
