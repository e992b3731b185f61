"""How a task's pruning ratio, or its pattern of shared layers, is chosen from its record.

Writes selected.json with the choice and the reason, and the rows of the record. Needs no torch.
"""

import json
import logging
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from lifelong import store
from lifelong.plan.decisions import Rung, select
from lifelong.plan.errors import DamagedFile
from lifelong.plan.facts import number, patterns
from lifelong.plan.methods import METHODS, Method
from lifelong.plan.patterns import SHARED
from lifelong.plan.stage import Stage
from lifelong.records.rows import REJECTED, Row, read, stage_row, to_csv
from lifelong.work.seal import seal

log = logging.getLogger(__name__)


def choose_ratio(stage: Stage) -> None:
    """The largest ratio that meets the goal, or what `plan.decisions.select` takes instead."""
    spec = stage.spec
    path = Path(stage.input("record"))
    record = read(path)
    deciding = [row for row in record if row.metric == "accuracy" and row.split != "train"]
    if not deciding:
        raise DamagedFile(path, "holds no accuracy")
    rungs = [Rung(row.ratio or 0.0, row.value) for row in deciding]
    width = deciding[0].width or 1.0
    goal = None
    if stage.input_list("goal"):
        given = Path(stage.input("goal"))
        goal = number(store.read_json(given), "goal", given)
    at_cap = width >= spec.cap - 1e-6
    method = METHODS[spec.base]
    chosen = select(rungs, goal, at_cap, spec.fair, spec.by_hand, method.expands)
    reason = chosen.reason + _rejected(record, chosen.ratio)
    chosen = replace(chosen, reason=reason)
    log.info("ratio %g for %s: %s", chosen.ratio, spec.task, chosen.reason)
    warnings = [] if method.masks_only else _warnings(record, method)
    if not warnings and method.releases:
        warnings = _at_zero(record, chosen.ratio)
    for warning in warnings:
        log.warning("%s: %s", spec.task, warning)
    facts = {"task": spec.task, "goal": goal, "width": width, **asdict(chosen)}
    facts["warnings"] = warnings
    metrics = {"ratio": chosen.ratio, "accuracy": chosen.accuracy}
    if goal is not None:
        metrics |= {"goal": goal, "goal_met": float(bool(chosen.met))}
    rows = [
        stage_row(
            stage,
            metric,
            value,
            width=width,
            split=deciding[0].split if metric == "accuracy" else None,
        )
        for metric, value in metrics.items()
    ]
    _write(stage, facts, rows)


def _rejected(record: list[Row], ratio: float) -> str:
    """What became of the rung above the chosen one, where training accuracy ended the ladder."""
    for row in record:
        if row.metric == REJECTED and row.split == "train" and (row.ratio or 0.0) > ratio:
            return (
                f"; the ladder ended at {row.ratio:g}, where training accuracy {row.value:.3f} "
                "fell below prune.min_train_accuracy"
            )
    return ""


def _warnings(record: list[Row], method: Method) -> list[str]:
    """What a user should hear of who expects a task to own some weights, but not all it took."""
    owned = {row.ratio: row.value for row in record if row.metric == "weights_owned"}
    if not owned.get(0.0, 1.0) and method.picks == "top_k":
        return [
            "owns no weights of its own: all that it picks belongs to older tasks: set another "
            "picking.density, or picking: {scores: fresh}"
        ]
    if not owned.get(0.0, 1.0):
        advice = "raise prune.ratios, so that every task leaves more"
        if method.has_goal:
            advice = (
                "lower their goals or prune.min_train_accuracy, or let the network grow "
                "(expand.cap)"
            )
        return [f"owns no weights of its own, because earlier tasks left none free: {advice}"]
    rejected = any(row.metric == REJECTED for row in record)
    if rejected and set(owned) == {0.0}:
        return [
            "keeps every weight it took, because prune.min_train_accuracy rejected the first rung: "
            "later tasks have less room"
        ]
    return []


def _at_zero(record: list[Row], ratio: float) -> list[str]:
    """Weights that are zero are released first, however many the ratio would leave."""
    owned = {row.ratio: row.value for row in record if row.metric == "weights_owned"}
    left = (1 - ratio) * owned.get(0.0, 0.0)
    if owned.get(ratio, left) >= left / 2:
        return []
    return [
        f"owns {owned[ratio]:.0f} weights of {left:.0f} that ratio {ratio:g} leaves it: the others "
        "stayed at zero, where released weights start; train: {free_weights: fresh} starts them "
        "anew"
    ]


def choose_pattern(stage: Stage) -> None:
    """Which layers a task shares: the pattern set by hand, or the first of the best."""
    manifest = Path(stage.input("learned"))
    scores = patterns(store.read_manifest(manifest.parent), manifest)
    by_hand = stage.spec.by_hand
    best = max(score for _, score in scores)
    chosen = by_hand or next(pattern for pattern, score in scores if score == best)
    if by_hand:
        reason = "set by hand in the configuration"
    elif len(scores) == 1:
        reason = "the pattern of the method"
    else:
        reason = f"the best of {len(scores)} patterns, {best:.4f}"
    log.info("pattern %s for %s: %s", chosen, stage.spec.task, reason)
    record = [
        stage_row(stage, "shares", float(letter == SHARED), width=1.0, layer=layer)
        for layer, letter in enumerate(chosen)
    ]
    facts = {"task": stage.spec.task, "pattern": chosen, "reason": reason}
    _write(stage, {**facts, "scores": dict(scores)}, record)


def _write(stage: Stage, facts: dict[str, Any], record: list[Row]) -> None:
    texts = {"record.csv": to_csv(record), "selected.json": json.dumps(facts, indent=1) + "\n"}
    seal(stage, {name: store.write_text(Path(stage.path(name)), texts[name]) for name in texts})
