"""Choose a task's pruning ratio from the record, the goal and the settings. Local, no torch."""

import json
import logging
from dataclasses import asdict
from pathlib import Path

from lifelong import store
from lifelong.plan.decisions import Rung, select
from lifelong.plan.errors import DamagedFile
from lifelong.plan.facts import number
from lifelong.plan.stage import Stage
from lifelong.records.rows import Row, read, to_csv
from lifelong.stages.seal import seal

log = logging.getLogger(__name__)


def run(stage: Stage) -> None:
    """Write selected.json with the ratio and the reason, and the record's rows."""
    spec = stage.spec
    path = Path(stage.input("record"))
    deciding = [row for row in read(path) if row.metric == "accuracy" and row.split != "train"]
    if not deciding:
        raise DamagedFile(f"{path} holds no accuracy: delete its folder and run again")
    rungs = [Rung(row.ratio or 0.0, row.value) for row in deciding]
    width = deciding[0].width or 1.0
    goal = None
    if stage.input_list("goal"):
        given = Path(stage.input("goal"))
        goal = number(store.read_json(given), "goal", given)
    at_cap = width >= spec["cap"] - 1e-6
    chosen = select(rungs, goal, at_cap, spec["fair"], spec["by_hand"])
    log.info("ratio %g for %s: %s", chosen.ratio, spec["task"], chosen.reason)
    facts = {"task": spec["task"], "goal": goal, "width": width, **asdict(chosen)}
    found = {"ratio": chosen.ratio, "accuracy": chosen.accuracy}
    if goal is not None:
        found |= {"goal": goal, "goal_met": float(bool(chosen.met))}
    named = {name: spec[name] for name in ("experiment", "protocol", "method", "seed", "task")}
    record = [
        Row(
            **named,
            stage="select",
            width=width,
            split=deciding[0].split if metric == "accuracy" else None,
            metric=metric,
            value=value,
        )
        for metric, value in found.items()
    ]
    texts = {"record.csv": to_csv(record), "selected.json": json.dumps(facts, indent=1) + "\n"}
    seal(stage, {name: store.write_text(Path(stage.path(name)), texts[name]) for name in texts})
