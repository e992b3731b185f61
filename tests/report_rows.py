"""Records as pruning methods leave them behind, by a rule, for figures and pages."""

from itertools import product

import pandas as pd

from lifelong.records import tables
from lifelong.records.rows import Row

TASKS = [f"task_{letter}" for letter in "abcdefg"]
RATIOS = (0.0, 0.5, 0.9)
GOAL, CHOSEN = 0.6, 0.5


def task_rows(method: str, seed: int, place: int) -> list[Row]:
    """What pruning, selecting, retraining and measuring one task leave behind."""
    where = {"experiment": "toy", "protocol": "clean", "method": method, "seed": seed}
    where |= {"task": TASKS[place], "width": 1.0}
    rows = [
        Row(**where, stage="prune", ratio=ratio, split=split, metric="accuracy", value=value)
        for ratio in RATIOS
        for split, value in (("train", 1.0), ("validation", 0.8 - 0.3 * ratio))
    ]
    chosen = {"goal": GOAL, "goal_met": 1.0, "ratio": CHOSEN, "accuracy": 0.65}
    rows += [Row(**where, stage="select", metric=name, value=chosen[name]) for name in chosen]
    ends = {"weights_owned": 10.0, "weights_free": 90.0 - 10.0 * place, "weights_reference": 100.0}
    ends |= {"bytes_file": 2.0**20, "bytes_reference": 2.0**21}
    rows += [Row(**where, stage="retrain", metric=name, value=ends[name]) for name in ends]
    infer = {**where, "stage": "infer", "split": "test", "metric": "accuracy"}
    return rows + [Row(**infer, on_task=TASKS[j], value=0.5 + 0.05 * j) for j in range(place + 1)]


def record(count: int) -> pd.DataFrame:
    cases = product(("cpg", "packnet"), (0, 1), range(count))
    return tables.frame(row for case in cases for row in task_rows(*case))
