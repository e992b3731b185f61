"""Methods that share whole layers: a task is learned, and its pattern is decided afterwards."""

import logging
import math
from pathlib import Path

from lifelong import store
from lifelong.families.layer_phases import learn_pattern, learn_phases
from lifelong.families.layer_work import LayerWork, candidate_prefix, save_part, tensors_of
from lifelong.families.looks import Look, with_looks
from lifelong.layers.learner import LayerLearner
from lifelong.layers.model import Tensors
from lifelong.layers.part import LayerCard, LayerPart
from lifelong.plan.errors import DamagedFile
from lifelong.plan.stage import Stage
from lifelong.records.rows import Row
from lifelong.train.evaluate import accuracy, logits
from lifelong.train.loop import Epoch
from lifelong.work.shards import load_layers
from lifelong.work.work import commit as write

log = logging.getLogger(__name__)


def learn(stage: Stage) -> None:
    """Write candidate.h5: every tensor the task was learned with, of all patterns still open."""
    work = LayerWork(stage)
    tries = work.tries()
    if len(tries) > 1:
        _search(work, tries)
        return
    learner = work.learner(pattern=tries[0])
    untrained = work.measured(learner, 0, 0) if not work.model.shards else {}
    learner, epochs = learn_phases(work, learner)
    rows = work.look_rows(untrained, 0) + _rows(work, epochs)
    _close(work, learner.card, learner.state(), rows, epochs[-1], learner.patterns())


def _search(work: LayerWork, tries: list[str]) -> None:
    """Train every pattern as if it were the only one; the record is that of the best one."""
    states: Tensors = {}
    histories = {}
    for pattern in tries:
        learner, histories[pattern] = learn_pattern(work, work.learner(pattern=pattern), pattern)
        prefix = candidate_prefix(pattern)
        states |= {f"{prefix}{name}": tensor for name, tensor in learner.state().items()}
    scores = {name: max(epoch.accuracy for epoch in epochs) for name, epochs in histories.items()}
    epochs = histories[max(scores, key=lambda pattern: scores[pattern])]
    split = work.data.deciding_name
    looks = {Look("candidate", split, pattern=pattern): score for pattern, score in scores.items()}
    rows = work.look_rows(looks)
    _close(work, work.card(), states, rows + _rows(work, epochs), epochs[-1], scores)


def _rows(work: LayerWork, epochs: list[Epoch]) -> list[Row]:
    rows = []
    for epoch in epochs:
        rows.append(work.row("loss", epoch.train_loss, split="train", epoch=epoch.epoch, width=1.0))
        rows += work.look_rows(with_looks(epoch.more), epoch.epoch)
    return rows


def _close(
    work: LayerWork,
    card: LayerCard,
    state: Tensors,
    rows: list[Row],
    last: Epoch,
    patterns: dict[str, float],
) -> None:
    """Write the candidate, and the record with how good each pattern is."""
    path = Path(work.stage.path("candidate.h5"))
    outcome = {
        "accuracy": last.accuracy,
        "train_accuracy": last.train_accuracy,
        "split": work.data.deciding_name,
        "width": 1.0,
        "patterns": list(patterns.items()),
    }
    write(work.stage, {path.name: save_part(path, card, state)}, rows, outcome)


def commit(stage: Stage) -> None:
    """The selected pattern becomes the task's part of the model; the rest is rolled back.

    Writes shard.h5, what the task brought or changed, never to be written again.
    """
    work = LayerWork(stage)
    candidate = Path(stage.input("candidate"))
    store.verified(candidate)
    selected = Path(stage.input("selected"))
    pattern = store.read_json(selected).get("pattern")
    if not isinstance(pattern, str):
        raise DamagedFile(selected, "names no pattern")
    learner = _learned(work, candidate, pattern)
    if learner is None:
        raise DamagedFile(selected, f"names pattern {pattern}, which {candidate} does not have")
    card, tensors = learner.commit(pattern)
    path = Path(stage.path("shard.h5"))
    digest = save_part(path, card, tensors)
    before = dict(work.model.tensors)
    work.model.add(LayerPart(card, {n: t.detach().cpu().numpy() for n, t in tensors.items()}))
    rows = _accuracies(work) + _sizes(work, path, before, tensors)
    values = {row.on_task: row.value for row in rows if row.metric == "accuracy"}
    log.info("pattern %s, accuracies %s", pattern, values)
    outcome = {"accuracy": values[work.spec.task], "pattern": pattern, "width": 1.0}
    write(stage, {path.name: digest}, rows, outcome)


def _learned(work: LayerWork, candidate: Path, pattern: str) -> LayerLearner | None:
    """The learner that left a candidate, or the one of several that had the pattern, if any."""
    part, tries = load_layers(candidate), work.tries()
    tensors = tensors_of(part)
    if len(tries) == 1:
        learner = work.learner(pattern=part.card.pattern, facts=part.card.facts)
    elif pattern in tries:
        prefix = candidate_prefix(pattern)
        tensors = {k.removeprefix(prefix): t for k, t in tensors.items() if k.startswith(prefix)}
        learner = work.learner(pattern=pattern, facts=part.card.facts)
    else:
        return None
    learner.load_state(tensors)
    return learner


def _accuracies(work: LayerWork) -> list[Row]:
    """Of every task on its deciding split, with the model as it now is."""
    rows = []
    position = len(work.model.shards)
    for place, data in enumerate([*work.older, work.data], position - len(work.older)):
        view = work.model.view(place, work.device)
        outputs = logits(view, data.deciding, data.mean, data.std)
        value, task = accuracy(outputs, data.deciding.labels), work.model.cards[place - 1].task
        split = data.deciding_name
        rows.append(work.row("accuracy", value, on_task=task, split=split, width=1.0))
    return rows


def _sizes(work: LayerWork, path: Path, before: Tensors, tensors: Tensors) -> list[Row]:
    """What the task brought, and what a separate network would hold.

    A tensor that the task wrote again counts once: `bytes_superseded` of the older shards are no
    longer used.
    """
    card = work.model.cards[-1]
    stack = card.stack
    convolutions = zip(stack.kernels, stack.inputs(card.in_channels), stack.channels, strict=True)
    *hidden, output = stack.dense(card.image_size, len(card.classes))
    separate = sum(k * k * i * o for k, i, o in convolutions) + sum(i * o for i, o in hidden)
    others = sum(stack.channels) + sum(o for _, o in [*hidden, output]) + math.prod(output)
    superseded = {name: before[name] for name in tensors if name in before}
    weights, other = _weights(tensors, card)
    gone, other_gone = _weights(superseded, card)
    sizes = {
        "weights_owned": weights - gone,
        "weights_other": other - other_gone,
        "weights_reference": separate,
        "bytes_file": path.stat().st_size,
        "bytes_superseded": sum(t.numel() * t.element_size() for t in superseded.values()),
        "bytes_reference": 4 * (separate + others),
    }
    return [work.row(name, value, width=1.0) for name, value in sizes.items()]


def _weights(tensors: Tensors, card: LayerCard) -> tuple[int, int]:
    """How many numbers are weights, and how many belong to biases, norms and output layers.

    What only says where numbers lie is no float and neither.
    """
    widths = card.facts.get("widths")  # of a network that has others than its stack says
    hidden = len(card.stack.hidden) if widths is None else len(widths) - card.stack.depth
    output = f"head.{hidden}."
    weights = others = 0
    for name, tensor in tensors.items():
        if tensor.is_floating_point():
            other = name.endswith("bias") or ".norm." in name or output in name
            weights, others = (
                weights + tensor.numel() * (not other),
                others + tensor.numel() * other,
            )
    return weights, others
