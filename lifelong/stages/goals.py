"""The accuracy a task must reach: given, or that of separate networks. Local, no torch."""

import json
import logging
from collections.abc import Callable
from pathlib import Path
from statistics import fmean

from lifelong import store
from lifelong.plan.facts import accuracies
from lifelong.plan.stage import Stage
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
        manifest = Path(stage.input("baseline"))
        reached = accuracies(store.read_manifest(manifest.parent), manifest)
        goal = _OVER_REPETITIONS[spec.policy](reached) + spec.margin
        goal = min(max(goal, 0.0), 1.0)  # nobody could reach more
        details = {"accuracies": reached, "margin": spec.margin}
    log.info("goal of %s: %.4f (%s)", spec.task, goal, spec.policy)
    facts = {"task": spec.task, "policy": spec.policy, "goal": goal, **details}
    text = json.dumps(facts, indent=1) + "\n"
    seal(stage, {"goal.json": store.write_text(Path(stage.path("goal.json")), text)})
