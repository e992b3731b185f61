"""REPRODUCED.md: what papers report and what this program gives, from committed records.

    python docs/reproduced.py add results/superclass_lenet --commit 1a2b3c4 --device "AMD EPYC"
    python docs/reproduced.py page

`add` takes the finished runs of an experiment into docs/measured/EXPERIMENT_runs.csv, one row per
method and seed; a run that is there already is replaced. `page` writes docs/REPRODUCED.md from
these files and the published ones in experiments/published/, and for every experiment that has no
published numbers docs/measured/EXPERIMENT.svg, accuracy against size. Rows of a paper that nobody
ran stay blank.
"""

import argparse
import csv
import statistics
import sys
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd

sys.path.insert(0, str(Path(__file__).parents[1]))

from lifelong.plan.ages import made_ns
from lifelong.plan.config import check, load
from lifelong.plan.overview import overview
from lifelong.plan.paths import MANIFEST
from lifelong.plan.plan import Plan
from lifelong.records.durations import CPU, total_seconds
from lifelong.records.tables import read_table
from lifelong.report.canvas import svg
from lifelong.report.plots import accuracy_against_size
from lifelong.store import read_manifest

TREE = Path(__file__).parents[1]
MEASURED = TREE / "docs" / "measured"
PAGE = TREE / "docs" / "REPRODUCED.md"
FACTS = ("tasks", "accuracy_mean", "forgetting_mean", "union_ratio", "cap_ratio", "total_mb")
COLUMNS = ("method", "seed", *FACTS, "cpu_minutes", "device", "torch", "commit", "date")
HEAD = """# Published numbers, and ours

Written by `python docs/reproduced.py page` from `docs/measured/*_runs.csv`. Accuracies are percent,
means over all tasks after the last one, on the test split; ± is the sample deviation over seeds.
CAP is the union of used weights and 1/32 for every task with a mask, in percent of the network.
WSN's paper counts a bit of its own masks as 0.22 bits, a constant; here it is counted whole, as
that paper does for PackNet and SupSup. MB is MiB of our files, everything that inference needs. CPU
minutes are those of all stages of one run, without the separate networks that set its goals. A
method of ours stands behind the published row that it is compared with. Blank: not run, not
published or not recorded.
"""
CELLS = (
    *("method", "paper", "ours", "difference", "seeds", "forgetting"),
    *("CAP paper", "CAP ours", "MB", "CPU minutes", "made with"),
)
OF_PAPERS = {"paper", "difference", "CAP paper"}


def add(results: Path, commit: str, device: str) -> None:
    """Take in the finished runs of an experiment, those of all tasks.

    Raises OSError where its tables are missing.
    """
    tasks = len(_plan(results.name).tasks)
    summary = read_table(results / "tables" / "summary.csv").set_index(["method", "seed"])
    sizes = read_table(results / "tables" / "size.csv").groupby(["method", "seed"], sort=False)
    rows = {(row["method"], row["seed"]): row for row in _read(_file(results.name))}
    for (method, seed), size in sizes:
        line, last = summary.loc[(method, seed)], size.iloc[-1]
        if line["tasks"] < tasks:
            print(f"left out: {method}, seed {seed}, {line['tasks']:g} of {tasks} tasks")
            continue
        run = results / method / f"s{seed}"
        manifests = [*run.glob(f"*-*/*/{MANIFEST}"), *run.glob(f"*-*/expand/*/{MANIFEST}")]
        newest = max(run.glob(f"*-*/infer/{MANIFEST}"))
        made = datetime.fromtimestamp(made_ns(newest) / 1e9, UTC).date().isoformat()
        versions = read_manifest(newest.parent)["versions"]
        facts = {name: line.get(name, last.get(name)) for name in FACTS}
        rows[method, str(seed)] = {
            **{"method": method, "seed": str(seed)},
            **{name: f"{float(value):.6g}" for name, value in facts.items()},
            "cpu_minutes": _minutes([manifest.parent for manifest in manifests]),
            "device": device,
            "torch": versions.get("torch", ""),
            "commit": commit,
            "date": made,
        }
    with _file(results.name).open("w", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows[key] for key in sorted(rows))


def _minutes(stages: list[Path]) -> str:
    """CPU minutes of all stages of a run; empty where those of one are unknown."""
    seconds = total_seconds(stages, CPU)
    return "" if seconds is None else f"{seconds / 60:.3g}"


def page() -> str:
    """The whole page."""
    parts = [HEAD, *(_section(*one) for one in _experiments())]
    return "\n".join(parts)


def figures() -> dict[Path, str]:
    """Files and texts of the page's plots: of experiments that no paper has."""
    texts = {}
    for plan, rows in _experiments():
        if plan.config["published"] is None:
            names = ("method", "accuracy_mean", "size_mb")
            runs = [
                (row["method"], *map(float, (row["accuracy_mean"], row["total_mb"])))
                for row in rows
            ]
            texts[_figure(plan)] = svg(accuracy_against_size(pd.DataFrame(runs, columns=names)))
    return texts


def _experiments() -> list[tuple[Plan, list[dict[str, str]]]]:
    """Measured experiments, those of papers first, and their runs in the order of the methods."""
    experiments = []
    for path in sorted(MEASURED.glob("*_runs.csv")):
        name = path.name.removesuffix("_runs.csv")
        rows = _read(path)
        plan = _plan(name, [row["method"] for row in rows])
        places = {method: place for place, method in enumerate(plan.config["methods"])}
        experiments.append((plan, sorted(rows, key=lambda row: places[row["method"]])))
    return sorted(experiments, key=lambda one: one[0].config["published"] is None)


def _plan(experiment: str, measured: Iterable[str] = ()) -> Plan:
    """The experiment with the methods and variants that it runs, and those that were measured."""
    config = load([TREE / "config.yaml", TREE / "experiments" / f"{experiment}.yaml"])
    return Plan(check({**config, "methods": list(dict.fromkeys([*config["methods"], *measured]))}))


def _section(plan: Plan, rows: list[dict[str, str]]) -> str:
    config = plan.config
    published = _published(config["published"], len(plan.tasks))
    shown = _shown(plan, published, [row["method"] for row in rows])
    orders = {one.get("pixel_order", "correct") for one in config["datasets"].values()}
    names = [cell for cell in CELLS if published or cell not in OF_PAPERS]
    experiment = config["experiment"]
    lines = [
        f"## {experiment}\n",
        f"Protocol `{config['protocol']}`, {len(plan.tasks)} tasks, pixels {', '.join(orders)}. "
        f"A line and seed: `snakemake --cores 1 --configfile experiments/{experiment}.yaml "
        "--config methods='[METHOD]' seeds='[SEED]'`.\n",
        _line(names),
        "|" + " --- |" * len(names),
    ]
    for name, ours, figures in shown:
        cells = _cells(name, figures, [row for row in rows if row["method"] == ours])
        lines.append(_line(cells[one] for one in names))
    if not published:
        lines.append(f"\n![accuracy against size]({MEASURED.name}/{_figure(plan).name})")
    return "\n".join(lines) + "\n"


def _shown(
    plan: Plan, published: dict[str, dict[str, str]], measured: list[str]
) -> list[tuple[str, str, dict[str, str]]]:
    """Lines of a table: what is printed, our method or "", what was published."""
    answers = [(name, ours) for name, ours, _ in overview(plan, "tables").spec.published_rows]
    shown = []
    for name, figures in published.items():
        beside = [ours for row, ours in answers if row == name]
        shown += [(f"{name}, {ours}", ours, figures) for ours in beside] or [(name, "", figures)]
    left = [method for method in measured if method not in [ours for _, ours, _ in shown]]
    return [*shown, *((method, method, {}) for method in dict.fromkeys(left))]


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _figure(plan: Plan) -> Path:
    return MEASURED / f"{plan.config['experiment']}.svg"


def _cells(name: str, figures: dict[str, str], rows: list[dict[str, str]]) -> dict[str, str]:
    paper = figures.get("accuracy_percent", "")
    if paper and figures.get("std"):
        paper += f" ± {figures['std']}"
    accuracies = [100 * float(row["accuracy_mean"]) for row in rows]
    difference = ""
    if accuracies and figures:
        difference = f"{statistics.mean(accuracies) - float(figures['accuracy_percent']):+.2f}"
    cells = (
        name,
        paper,
        _spread(accuracies),
        difference,
        ", ".join(row["seed"] for row in rows),
        _spread([100 * float(row["forgetting_mean"]) for row in rows]),
        figures.get("cap_raw_percent", ""),
        _spread([100 * float(row["cap_ratio"]) for row in rows]),
        _spread([float(row["total_mb"]) for row in rows]),
        _spread([float(row["cpu_minutes"]) for row in rows if row["cpu_minutes"]]),
        _made(rows),
    )
    return dict(zip(CELLS, cells, strict=True))


def _spread(values: list[float]) -> str:
    if not values:
        return ""
    spread = f" ± {statistics.stdev(values):.2f}" if len(values) > 1 else ""
    return f"{statistics.mean(values):.2f}{spread}".replace("-0.00", "0.00")


def _made(rows: Iterable[dict[str, str]]) -> str:
    """On what, with which torch, and at which commits; a date for each day."""
    made: dict[str, dict[str, dict[str, None]]] = {}
    for row in rows:
        days = made.setdefault(f"{row['device']}, torch {row['torch']}", {})
        days.setdefault(row["date"], {})[row["commit"]] = None
    return "; ".join(
        ", ".join([where, *(f"{' '.join(commits)} {date}" for date, commits in days.items())])
        for where, days in made.items()
    )


def _published(path: str | None, tasks: int) -> dict[str, dict[str, str]]:
    if path is None:
        return {}
    rows = [row for row in _read(TREE / path) if row["task"] == "average"]
    return {row["method"]: row for row in rows if int(row.get("tasks") or tasks) == tasks}


def _read(path: Path) -> list[dict[str, str]]:
    if not path.exists():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def _file(experiment: str) -> Path:
    return MEASURED / f"{experiment}_runs.csv"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    taking = commands.add_parser("add", help="take in the finished runs of an experiment")
    taking.add_argument("results", type=Path)
    taking.add_argument("--commit", required=True, help="of the program that made them")
    taking.add_argument("--device", required=True, help='such as "AMD EPYC, 1 core"')
    commands.add_parser("page", help="write docs/REPRODUCED.md")
    options = parser.parse_args()
    if options.command == "add":
        add(options.results, options.commit, options.device)
    for path, text in {PAGE: page(), **figures()}.items():
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
