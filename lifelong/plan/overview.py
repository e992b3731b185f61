"""Tables and report of an experiment: what they read and must know."""

from collections.abc import Mapping
from typing import Any

from lifelong.plan.methods import Method
from lifelong.plan.paths import MANIFEST
from lifelong.plan.plan import Plan
from lifelong.plan.revisions import STAGES
from lifelong.plan.specs import Overview, Reporting
from lifelong.plan.stage import Inputs, Stage

TABLES = ("summary", "accuracy", "goals", "size", "learning", "verification", "published")
ANSWERS = ("confusion", "mistakes")  # what `infer` says of the test pictures, for the report
_WITH_RECORDS = ("baseline", "train", "prune", "select", "retrain", "infer")


def overview(plan: Plan, kind: str) -> Stage:
    """The stage of the "tables" or of the "report"."""
    return Stage(kind, plan.paths.of_kind(kind), overview_inputs(plan, kind), _spec(plan, kind))


def overview_inputs(plan: Plan, kind: str) -> Inputs:
    """The records and published numbers that tables are made of.

    For the report also the tables, what was selected, what packing said of its images, and what
    the first seed's models answered after the last task.
    """
    records = [plan.file(key, "record.csv") for one in _WITH_RECORDS for key in plan.keys(one)]
    inputs: Inputs = {"records": records}
    if plan.config["published"]:
        inputs["published"] = plan.config["published"]
    if kind == "report":
        chosen = [plan.file(key, "selected.json") for key in plan.keys("select")]
        inputs |= {"selected": chosen, "tables": [plan.paths.tables(name) for name in TABLES]}
        inputs["packs"] = [
            f"{plan.paths.pack_folder(name)}/{MANIFEST}" for name in _datasets_used(plan)
        ]
        last = (plan.config["seeds"][0], len(plan.tasks))
        ends = [key for key in plan.keys("infer") if (key.seed, key.position) == last]
        inputs |= {name: [plan.file(key, f"{name}.csv") for key in ends] for name in ANSWERS}
    return inputs


def figures(plan: Plan) -> list[tuple[str, str]]:
    """The figures of a method that every report of the experiment has: what, of which."""
    rows = {name: plan.row(name) for name in plan.config["methods"]}
    shown = {
        "weight_owners": [name for name, row in rows.items() if "prune" in row.stages],
        "curves": list(rows),
    }
    return [(kind, name) for kind, names in shown.items() for name in names]


def published_rows(
    rows: Mapping[str, Method], chosen: str, variants: Mapping[str, Mapping[str, Any]]
) -> list[list[str]]:
    """Rows of a published table, our method, and whether its networks' mean or best counts.

    A method with several rows that answer to one setting counts for the `chosen` one. A variant is
    what was published only where it says so. Several of ours may stand beside one row.
    """
    answers: list[list[str]] = []
    for name, row in rows.items():
        if published := variants.get(name, {}).get("published"):
            answers.append([published, name, "mean"])
        elif name == row.name:
            wanted = [chosen] if chosen in row.published else list(row.published)
            answers += [[published, name, row.published[published]] for published in wanted]
    return answers


def _spec(plan: Plan, kind: str) -> Overview:
    config, rows = plan.config, {name: plan.row(name) for name in plan.config["methods"]}
    own = [name for name, row in rows.items() if row.alone and not row.starts_from]
    known = Overview(
        revision=[STAGES[kind]],
        kind=kind,
        experiment=config["experiment"],
        protocol=config["protocol"],
        methods=config["methods"],
        seeds=config["seeds"],
        tasks=plan.tasks,
        published_rows=published_rows(rows, config["published_cpg_row"], config["variants"]),
        separate=next(iter(own), ""),
        sharing=[name for name, row in rows.items() if not row.alone],
    )
    if kind != "report":
        return known
    # The path of the published file depends on where the command was typed.
    settings = {name: value for name, value in config.items() if name != "published"}
    return Reporting(**vars(known), settings=settings, figures=figures(plan))


def _datasets_used(plan: Plan) -> list[str]:
    """The data sets that tasks name, for their images or their pairs."""
    tasks = plan.config["tasks"][: len(plan.tasks)]
    pairs = [task["pairs"]["dataset"] for task in tasks if "pairs" in task]
    return list(dict.fromkeys([*(task["dataset"] for task in tasks), *pairs]))
