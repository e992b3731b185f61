"""Learn one task in the free weights, at the width the task before it ended with."""

from pathlib import Path

from lifelong.families import layer_learn as layer_train
from lifelong.optim.phase import Phase
from lifelong.plan.decisions import next_width
from lifelong.plan.stage import Stage
from lifelong.train.loop import fit
from lifelong.work import shards
from lifelong.work.work import Job, commit


def run(stage: Stage) -> None:
    """Write candidate.h5: the task's weights and scores, not pruned."""
    if "options" in stage.spec:  # only the layer family has them
        layer_train.run(stage)
    else:
        learn(stage, attempt=0)


def learn(stage: Stage, attempt: int) -> None:
    """One attempt of a task; attempt 0 does not widen. Every attempt starts from the same model."""
    job = Job(stage)
    before = job.model.width
    width = before
    if attempt:
        expand = job.spec["expand"]
        width = next_width(before, expand["step"], expand["cap"], attempt)
    learner = job.learner(width, attempt)
    changes = {} if job.method.picks else {"mask_lr": 0.0}
    phase = Phase.of(job.spec["train"], job.spec["recipe"], **changes)
    name = f"{stage.kind} at width {width:g}"
    result = fit(
        learner,
        job.data,
        phase,
        job.seed("batches", "learn", attempt),
        resume=job.resume("train"),
        name=name,
        loss=job.loss,
    )
    last, counts = result.epochs[-1], learner.counts()
    files = {"candidate.h5": shards.save(Path(stage.path("candidate.h5")), learner.shard(True))}
    rows = job.epoch_rows(result.epochs, attempt=attempt, width=width)
    outcome = {
        "accuracy": last.accuracy,
        "train_accuracy": last.train_accuracy,
        "split": job.data.deciding_name,
        "width": width,
        "owned": counts["owned"],
    }
    commit(stage, files, rows, outcome)
