"""Separate networks: one per task and repetition, from scratch or started from another task's."""

from dataclasses import asdict, replace
from pathlib import Path

import numpy as np

from lifelong import store
from lifelong.families.network_work import NetworkWork
from lifelong.masks import Model, TaskLearner, without_spares
from lifelong.masks.head_learner import HeadLearner
from lifelong.optim.phase import Phase
from lifelong.plan.paths import place_of
from lifelong.plan.stage import Stage
from lifelong.records.rows import Row
from lifelong.train.head_step import head_step
from lifelong.train.loop import Result, fit
from lifelong.train.step import mask_step
from lifelong.work import shards
from lifelong.work.features import Kept
from lifelong.work.moved import moved_here
from lifelong.work.work import commit, pack_of


def learn(stage: Stage) -> None:
    """Train one network per repetition; shard.h5 is the first, repeat-1.h5 the second, and so on.

    A network that starts from no other does not depend on the order of the tasks: where it was
    trained when its task had another position, it is copied.
    """
    if moved_here(stage):
        return
    work = NetworkWork(stage)
    if work.method.trains == "head":
        _learn_head(work)
        return
    files: dict[str, str] = {}
    rows: list[Row] = []
    final = []
    for repetition in range(len(work.spec.sources)):
        learner, result = _learned(work, repetition)
        path = Path(stage.path(file_name(repetition)))
        shard = without_spares(learner.shard())
        files[path.name] = shards.save(path, shard)
        rows += work.epoch_rows(result.epochs, attempt=repetition, width=1.0)
        if repetition == 0:
            rows += work.size_rows(shard, learner.counts(), path)
        assert result.kept is not None
        final.append(result.kept.accuracy)
    commit(stage, files, rows, {"accuracies": final, "split": work.data.deciding_name})


def _learned(work: NetworkWork, repetition: int) -> tuple[TaskLearner, Result]:
    """One repetition, trained now unless a killed run of the stage had finished it."""
    learner, last = work.learner(1.0, repetition), repetition == len(work.spec.sources) - 1
    done = work.resume("done", repetition)
    saved = done.load()
    if saved is not None:
        tensors, facts = saved
        learner.load_state(tensors)
        return learner, Result.of(facts)
    source = work.spec.sources[repetition]
    if source:
        _start_from(learner, work.stage, source)
    elif work.ground is not None:
        _start_from_ground(learner, work.ground)
    phase, resume = _phase(work, source), work.resume("baseline", repetition)
    result = fit(
        mask_step(learner, phase, work.loss),
        work.data,
        phase,
        work.seed("batches", "learn", repetition),
        resume=resume,
        name=f"baseline {repetition}",
    )
    if not last:
        done.save(learner.state(), asdict(result))
        resume.forget()
    return learner, result


def _learn_head(work: NetworkWork) -> None:
    """Train an output layer on the features of frozen weights; shard.h5 is nothing but that."""
    phase = Phase.of(work.spec.settings, work.spec.recipe)
    stage, card = work.stage, work.card(1.0)
    learner = HeadLearner(work.model, card, work.seed("start", 0), work.device)
    data = work.data
    if not (phase.crop_padding or phase.flip or phase.cutout or data.crop):
        assert work.ground is not None
        pack = pack_of(stage, work.spec.data)
        data = Kept(learner.whole, work.ground, pack, work.spec.data).of_task(data)
        learner.of_features()
    result = fit(
        head_step(learner, phase, work.loss),
        data,
        phase,
        work.seed("batches", "learn", 0),
        resume=work.resume("baseline", 0),
        name="output layer",
    )
    assert result.kept is not None
    part, path = without_spares(learner.part()), Path(stage.path(file_name(0)))
    files = {path.name: shards.save(path, part)}
    rows = work.epoch_rows(result.epochs, attempt=0, width=1.0)
    rows += work.size_rows(part, learner.counts(), path)
    outcome = {"accuracies": [result.kept.accuracy], "split": work.data.deciding_name}
    commit(stage, files, rows, outcome)


def repetitions(path: Path) -> list[Model]:
    """The further networks of a task, beside the first, whose file is given."""
    names = store.read_manifest(path.parent)["files"]
    files = [path.with_name(file_name(number)) for number in range(1, len(names))]
    return [shards.read_model([file]) for file in files if file.name in names]


def file_name(repetition: int) -> str:
    """The file of one repetition's network."""
    return f"repeat-{repetition}.h5" if repetition else "shard.h5"


def _phase(work: NetworkWork, source: int) -> Phase:
    section = work.spec.settings
    lr = section["finetune_lr"] if source or work.ground is not None else section["lr"]
    return Phase.of(section, work.spec.recipe, lr=lr)


def _start_from_ground(learner: TaskLearner, ground: Path) -> None:
    """Copy pretrained weights, norms and biases; the head stays as it began."""
    base = shards.load_ground(ground)
    owned = {name: np.ones(values.size, bool) for name, values in base.values.items()}
    ours = learner.shard()
    learner.load(replace(ours, values=base.values, owned=owned, dense={**ours.dense, **base.dense}))


def _start_from(learner: TaskLearner, stage: Stage, source: int) -> None:
    """Copy the separate network of the task at position `source`, its head where it can."""
    for path in stage.input_list("sources"):
        place = place_of(path)
        if place is not None and place.position == source:
            network = shards.verified(Path(path))
            theirs, ours = network.card, learner.card
            same = (theirs.head, len(theirs.classes)) == (ours.head, len(ours.classes))
            same = same and not ours.head_outputs  # of which only those of classes were written
            learner.load(replace(network, card=ours), head=same)
