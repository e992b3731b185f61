"""One task of a method that shares layers, phase by phase; a killed run goes on where it was."""

from dataclasses import asdict, replace

from lifelong.families.layer_work import LayerWork
from lifelong.families.looks import Look, as_facts, of_facts, with_looks, with_texts
from lifelong.layers.learner import LayerLearner
from lifelong.train.layer_step import LayerStep
from lifelong.train.loop import Epoch, fit

Learned = tuple[LayerLearner, list[Epoch]]


def learn_pattern(work: LayerWork, learner: LayerLearner, pattern: str) -> Learned:
    """Train one pattern of several, unless a killed run of the stage had finished it."""
    done = work.resume("done", pattern)
    saved = done.load()
    if saved is not None:
        tensors, facts = saved
        learner.load_state(tensors)
        return learner, [Epoch(**epoch) for epoch in facts["epochs"]]
    learner, epochs = learn_phases(work, learner, pattern)
    done.save(learner.state(), {"epochs": [asdict(epoch) for epoch in epochs]})
    work.forget("begun", pattern)
    work.forget("train", pattern)
    return learner, epochs


def learn_phases(work: LayerWork, learner: LayerLearner, *names: str) -> Learned:
    """Train a task in all of its phases; `names` tell its resume files from others of the stage."""
    begun = work.resume("begun", *names)
    saved, epochs = begun.load(), list[Epoch]()
    if saved is not None:
        tensors, facts = saved
        learner = work.learner(pattern=learner.card.pattern, facts=facts["card"])
        learner.load_state(tensors)
        epochs = [Epoch(**epoch) for epoch in facts["epochs"]]
    while True:
        epochs += _fitted(work, learner, len(epochs), *names)
        after = learner.following(as_facts(with_looks(epochs[-1].more)))
        if after is None:
            learner.finish(work.deciding_images())
            return learner, epochs
        learner = after
        done = [asdict(epoch) for epoch in epochs]
        begun.save(learner.state(), {"card": learner.card.facts, "epochs": done})
        work.forget("train", *names)


def _fitted(work: LayerWork, learner: LayerLearner, before: int, *names: str) -> list[Epoch]:
    """One phase of a task, with its epochs counted on from those `before`."""
    phase = work.phase(learner.part, before)
    names = (*names, learner.part.name) if learner.part.name else names

    def look(epoch: int) -> dict[str, float]:
        at, last = before + epoch, before + phase.epochs
        numbers = work.measured(learner, at, last) | {Look("lr"): phase.rate(epoch - 1)}
        facts = of_facts(learner.epoch_facts())  # after every epoch: the call begins a new one
        return with_texts(numbers | (facts if work.looks_at(at, last) else {}))

    seed = work.seed("batches", "learn", *([learner.part.name] if learner.part.name else [0]))
    result = fit(
        LayerStep(learner, seed),
        work.data,
        phase,
        seed,
        resume=work.resume("train", *names, before),
        name=" ".join((work.spec.method, *names)),
        after_epoch=look,
    )
    return [replace(epoch, epoch=before + epoch.epoch) for epoch in result.epochs]
