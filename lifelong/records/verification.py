"""Face verification (is this the same person?) as `infer` measured it, beside separate networks."""

import pandas as pd

PREFIX = "verification_"
METRICS = (
    *("accuracy", "std_population", "standard_error", "auc", "equal_error_rate"),
    *("tar", "far", "far_target"),
)
# Where pairs ask for an expression too; `authentication` of the faces says what they are.
AUTHENTICATION = ("joint_decision", "both_ok", "legacy_xnor", "expression_ok")
_PREFIXES = (PREFIX, "authentication_")
COLUMNS = (
    *("method", "seed", "task", "networks"),
    *METRICS,
    *("accuracy_separate", "accuracy_difference"),
)
_RUN = ["seed", "task"]


def verification_table(frame: pd.DataFrame, separate: str) -> pd.DataFrame:
    """One row per method, seed and task with pairs: means over its networks, all in [0, 1].

    `std_population` and `standard_error` are the spreads of one network over the folds.
    `accuracy_separate` is the accuracy that the method `separate`, whose networks share nothing,
    reached with the same seed; it and the difference are empty where there is none. Columns of
    AUTHENTICATION come last, if there is anything in them.
    """
    rows = frame[(frame["stage"] == "infer") & frame["metric"].str.startswith(_PREFIXES)]
    # Of a lesson's tasks the one with pairs is not always the last, which its stages are named by.
    metrics = rows["metric"].str.split("_", n=1).str[1]
    rows = rows.assign(metric=metrics, task=rows["on_task"].fillna(rows["task"]))
    groups = rows.groupby(["method", "seed", "task", "metric"], sort=False)["value"]
    table = groups.mean().unstack("metric")
    asked = [name for name in AUTHENTICATION if name in table]
    table = table.reindex(columns=[*METRICS, *asked])
    table["networks"] = groups.size().unstack("metric").reindex(columns=["accuracy"])["accuracy"]
    table = _in_order(table.rename_axis(columns=None).reset_index(), rows)
    alone = table[table["method"] == separate].set_index(_RUN)["accuracy"]
    beside = table[_RUN].join(alone, on=_RUN)["accuracy"].where(table["method"] != separate)
    table["accuracy_separate"] = beside
    table["accuracy_difference"] = table["accuracy"] - beside
    return table.astype({"networks": int})[[*COLUMNS, *asked]]


def mean_over_seeds(table: pd.DataFrame) -> pd.DataFrame:
    """One row per task and method of such a table, with `accuracy_std`, the sample deviation.

    `networks` are counted over all seeds. A method's difference takes only its own seeds.
    """
    groups = table.groupby(["task", "method"], sort=False)
    means = groups[list(table.columns[4:])].mean()
    means.insert(0, "seeds", groups["seed"].nunique())
    means.insert(1, "networks", groups["networks"].sum())
    means["accuracy_std"] = groups["accuracy"].std(ddof=1)
    return means.reset_index()


def _in_order(table: pd.DataFrame, rows: pd.DataFrame) -> pd.DataFrame:
    """Methods and tasks as they were recorded; unstacking sorts them."""
    ranks = {
        name: {value: place for place, value in enumerate(rows[name].unique())}
        for name in ("method", "task")
    }
    return table.sort_values(
        ["method", "seed", "task"],
        key=lambda column: column.map(ranks[column.name]) if column.name in ranks else column,
        ignore_index=True,
    )
