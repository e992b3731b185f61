"""A separate network for one task, from scratch or finetuned from another task's, repeated."""

from dataclasses import replace
from pathlib import Path

from lifelong.masks.learner import Learner
from lifelong.optim.phase import Phase
from lifelong.plan.paths import parse_stage
from lifelong.plan.stage import Stage
from lifelong.records.rows import Row
from lifelong.train.loop import fit
from lifelong.work import shards
from lifelong.work.work import Job, commit


def run(stage: Stage) -> None:
    """Train one network a repetition; shard.h5 is the first, repeat-1.h5 the second, and so on."""
    job = Job(stage)
    files: dict[str, str] = {}
    rows: list[Row] = []
    final = []
    for repetition, source in enumerate(job.spec["sources"]):
        learner, path = job.learner(1.0, repetition), Path(stage.path(file_name(repetition)))
        if source:
            _start_from(learner, stage, source)
        result = fit(
            learner,
            job.data,
            _phase(job, source),
            job.seed("batches", "learn", repetition),
            resume=job.resume("baseline", repetition),
            name=f"baseline {repetition}",
            loss=job.loss,
        )
        shard = learner.shard()
        files[path.name] = shards.save(path, shard)
        rows += job.epoch_rows(result.epochs, attempt=repetition, width=1.0)
        if repetition == 0:
            rows += job.size_rows(shard, learner.counts(), path)
        final.append(result.epochs[-1].accuracy)
    commit(stage, files, rows, {"accuracies": final, "split": job.data.deciding_name})


def file_name(repetition: int) -> str:
    """The file of one repetition's network."""
    return f"repeat-{repetition}.h5" if repetition else "shard.h5"


def _phase(job: Job, source: int) -> Phase:
    section = job.spec["baseline"]
    lr = section["finetune_lr"] if source else section["lr"]
    return Phase.of(section, job.spec["recipe"], lr=lr)


def _start_from(learner: Learner, stage: Stage, source: int) -> None:
    """Copy the separate network of the task at position `source`, its head where it can."""
    for path in stage.input_list("sources"):
        parts = parse_stage(path)
        if parts and int(str(parts["slug"]).split("-")[0]) == source:
            found = shards.verified(Path(path))
            theirs, ours = found.card, learner.card
            same = (theirs.head, len(theirs.classes)) == (ours.head, len(ours.classes))
            learner.load(replace(found, card=ours), head=same)
