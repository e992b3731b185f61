"""The accuracy a task must reach: given, or that of separate networks. Local, no torch."""

import json
import logging
from collections.abc import Callable
from pathlib import Path
from statistics import fmean

from lifelong import store
from lifelong.plan.errors import DamagedFile
from lifelong.plan.stage import Stage
from lifelong.records.rows import Row, read
from lifelong.work.seal import seal

log = logging.getLogger(__name__)
_OVER_REPETITIONS: dict[str, Callable[[list[float]], float]] = {
    "scratch": fmean,
    "fine_avg": fmean,
    "fine_max": max,
}


def run(stage: Stage) -> None:
    """Write goal.json and its manifest."""
    spec = stage.spec
    if spec.policy == "given":
        goal, details = spec.goal, {}
    else:
        path = Path(stage.input("baseline"))
        accuracies = final_accuracies(read(path))
        if not accuracies:
            raise DamagedFile(path, "holds no accuracy")
        goal = _OVER_REPETITIONS[spec.policy](accuracies) + spec.margin
        details = {"accuracies": accuracies, "margin": spec.margin}
    log.info("goal of %s: %.4f (%s)", spec.task, goal, spec.policy)
    facts = {"task": spec.task, "policy": spec.policy, "goal": goal, **details}
    text = json.dumps(facts, indent=1) + "\n"
    seal(stage, {"goal.json": store.write_text(Path(stage.path("goal.json")), text)})


def final_accuracies(rows: list[Row]) -> list[float]:
    """Of a baseline's record: the deciding accuracy of each repetition after its last epoch."""
    last: dict[int, tuple[int, float]] = {}
    for row in rows:
        if row.metric == "accuracy" and row.split != "train" and row.epoch is not None:
            repetition = row.attempt or 0
            last[repetition] = max(last.get(repetition, (0, 0.0)), (row.epoch, row.value))
    return [last[repetition][1] for repetition in sorted(last)]
