"""The pattern that `select` chose becomes the task's part of the model; the rest is rolled back."""

import logging
import math
from pathlib import Path

from lifelong import store
from lifelong.families.layer_work import LayerJob, candidate_prefix, save_part, tensors_of
from lifelong.layers.learner import LayerLearner
from lifelong.layers.model import Tensors
from lifelong.layers.part import LayerCard, LayerPart
from lifelong.plan.errors import DamagedFile
from lifelong.plan.stage import Stage
from lifelong.records.rows import Row
from lifelong.train.evaluate import accuracy, logits
from lifelong.work.shards import load_layers
from lifelong.work.work import commit

log = logging.getLogger(__name__)


def run(stage: Stage) -> None:
    """Write shard.h5, what the task brought or changed, never to be written again."""
    job = LayerJob(stage)
    candidate = Path(stage.input("candidate"))
    store.verified(candidate)
    selected = Path(stage.input("selected"))
    pattern = store.read_json(selected).get("pattern")
    if not isinstance(pattern, str):
        raise DamagedFile(f"{selected} names no pattern: delete it and run again")
    card, tensors = _learned(job, candidate, pattern).commit(pattern)
    path = Path(stage.path("shard.h5"))
    digest = save_part(path, card, tensors)
    before = dict(job.model.tensors)
    job.model.add(LayerPart(card, {n: t.detach().cpu().numpy() for n, t in tensors.items()}))
    rows = _accuracies(job) + _sizes(job, path, before, tensors)
    values = {row.on_task: row.value for row in rows if row.metric == "accuracy"}
    log.info("pattern %s, accuracies %s", pattern, values)
    outcome = {"accuracy": values[job.spec.task], "pattern": pattern, "width": 1.0}
    commit(stage, {path.name: digest}, rows, outcome)


def _learned(job: LayerJob, candidate: Path, pattern: str) -> LayerLearner:
    """The learner that left a candidate, or the one of several that had the pattern."""
    part, tries = load_layers(candidate), job.tries()
    tensors = tensors_of(part)
    if len(tries) == 1:
        learner = job.learner(pattern=part.card.pattern, facts=part.card.facts)
    elif pattern in tries:
        prefix = candidate_prefix(pattern)
        tensors = {k.removeprefix(prefix): t for k, t in tensors.items() if k.startswith(prefix)}
        learner = job.learner(pattern=pattern, facts=part.card.facts)
    else:
        raise DamagedFile(f"{candidate} has no pattern {pattern}: delete it and run again")
    learner.load_state(tensors)
    return learner


def _accuracies(job: LayerJob) -> list[Row]:
    """Of every task on its deciding split, with the model as it now is."""
    rows = []
    position = len(job.model.shards)
    for place, data in enumerate([*job.older, job.data], position - len(job.older)):
        view = job.model.view(place, job.device)
        found = logits(view, data.deciding, data.mean, data.std)
        value, task = accuracy(found, data.deciding.labels), job.model.cards[place - 1].task
        split = data.deciding_name
        rows.append(job.row("accuracy", value, on_task=task, split=split, width=1.0))
    return rows


def _sizes(job: LayerJob, path: Path, before: Tensors, tensors: Tensors) -> list[Row]:
    """What the task brought, what the model holds, and what a separate network would.

    A tensor that the task wrote anew counts once: `bytes_superseded` of older shards are in vain.
    """
    card = job.model.cards[-1]
    stack = card.stack
    convolutions = zip(stack.kernels, stack.inputs(card.in_channels), stack.channels, strict=True)
    *hidden, output = stack.dense(card.image_size, len(card.classes))
    separate = sum(k * k * i * o for k, i, o in convolutions) + sum(i * o for i, o in hidden)
    others = sum(stack.channels) + sum(o for _, o in [*hidden, output]) + math.prod(output)
    superseded = {name: before[name] for name in tensors if name in before}
    weights, other = _weights(tensors, card)
    gone, other_gone = _weights(superseded, card)
    found = {
        "weights_owned": weights - gone,
        "weights_other": other - other_gone,
        "weights_reference": separate,
        "bytes_file": path.stat().st_size,
        "bytes_superseded": sum(t.numel() * t.element_size() for t in superseded.values()),
        "bytes_reference": 4 * (separate + others),
    }
    return [job.row(name, value, width=1.0) for name, value in found.items()]


def _weights(tensors: Tensors, card: LayerCard) -> tuple[int, int]:
    """How many numbers are weights, and how many belong to biases, norms and output layers.

    What only says where numbers lie is no float and neither.
    """
    output = f"head.{len(card.stack.hidden)}."
    weights = others = 0
    for name, tensor in tensors.items():
        if tensor.is_floating_point():
            other = name.endswith("bias") or ".norm." in name or output in name
            weights, others = (
                weights + tensor.numel() * (not other),
                others + tensor.numel() * other,
            )
    return weights, others
