"""Figures of how tasks were learned show the records, and the page has them where there are any."""

from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest
from learning_rows import STAGES, About, Run, all_rows, invented, worked, write_results
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from lifelong import store
from lifelong.plan.overview import TABLES
from lifelong.plan.paths import slug
from lifelong.plan.specs import Reporting
from lifelong.plan.stage import Stage
from lifelong.records import learning, tables
from lifelong.records.rows import Row
from lifelong.report import learning as curves
from lifelong.report.canvas import BLUE, svg
from lifelong.stages import report
from lifelong.stages import tables as tables_stage
from lifelong.work.mistakes import Answers, Mistake, to_csv

METHODS = ["stl", "hps", "lasem"]


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    return tables.frame(all_rows([invented(method) for method in METHODS]))


def all_figures(frame: pd.DataFrame) -> list[Figure]:
    return [
        curves.learning_curves(frame, "hps", 0),
        curves.posterior(frame, "lasem", 0, invented("lasem").tasks[0]),
        curves.sharing(frame, "lasem", 0),
    ]


def texts_of(legend) -> list[str]:
    return [text.get_text() for text in legend.get_texts()]


def test_the_same_records_give_the_same_svg(frame: pd.DataFrame) -> None:
    first = [svg(figure) for figure in all_figures(frame)]
    assert first == [svg(figure) for figure in all_figures(frame)]
    assert all(ElementTree.fromstring(text).tag.endswith("svg") for text in first)


def test_curves_run_on_and_rings_stand_at_the_ends() -> None:
    frame = tables.frame(all_rows([worked()]))
    axes = curves.learning_curves(frame, "hps", 0).axes[0]
    drawn = {line.get_label(): line.get_xydata() for line in axes.lines}
    np.testing.assert_allclose(
        drawn["1 fish"], [[0, 10], [1, 40], [2, 60], [3, 62], [4, 55], [5, 50], [6, 45]]
    )
    np.testing.assert_allclose(drawn["2 apes"][4:], [[4, 50], [5, 49], [6, 70]])
    rings = [line.get_xydata().tolist() for line in axes.lines if line.get_marker() == "o"]
    np.testing.assert_allclose(rings[0], [[3, 61], [6, 57]])
    np.testing.assert_allclose(rings[1], [[6, 68]])
    across = [line.get_xdata() for line in axes.lines if list(line.get_ydata()) == [0, 1]]
    assert across == [[3, 3]] and [text.get_text() for text in axes.texts] == ["1", "2"]


def test_long_curves_are_thinned_and_keep_their_end() -> None:
    run = invented("hps", tasks=2, epochs=1000, every=1)
    figure = curves.learning_curves(tables.frame(all_rows([run])), "hps", 0)
    line = next(line for line in figure.axes[0].lines if line.get_label().startswith("1 "))
    assert len(line.get_xdata()) <= 600 + 1 and line.get_xdata()[-1] == 2000
    assert line.get_ydata()[-1] == 100 * run.live[1][run.tasks[0], "test"][1000]


@pytest.mark.parametrize(("depth", "others"), [(4, "12 others"), (6, "60 others")])
def test_a_panel_names_the_likeliest_patterns_and_bands_the_rest(depth: int, others: str) -> None:
    run = invented("lasem", depth=depth)
    frame = tables.frame(all_rows([run]))
    assert curves.choosing_tasks(frame, "lasem", 0) == list(run.tasks)
    for task, chosen, facts in zip(run.tasks, run.patterns, run.facts, strict=True):
        figure = curves.posterior(frame, "lasem", 0, task)
        names = texts_of(figure.legends[0])
        assert figure.axes[0].get_title(loc="left") == task
        assert names[0] == chosen and names[-1] == others and len(names) == 5
        last = {name: facts[About("posterior", pattern=name)][120] for name in names[:-1]}
        assert list(last.values()) == sorted(last.values(), reverse=True)
        band = figure.axes[0].collections[0].get_paths()[0].vertices
        rest = [
            curve[120]
            for about, curve in facts.items()
            if about.metric == "posterior" and about.pattern not in last
        ]
        assert band[band[:, 0] == 120][:, 1].max() == pytest.approx(max(rest))
        assert band[band[:, 0] == 120][:, 1].min() == pytest.approx(min(rest))


@pytest.mark.parametrize(("epochs", "marker"), [(1, "o"), (20, "o"), (21, "")])
def test_few_looks_are_marked_for_one_alone_draws_no_line(epochs: int, marker: str) -> None:
    run = invented("lasem", tasks=1, epochs=epochs, every=1)
    frame = tables.frame(all_rows([run]))
    lines = curves.posterior(frame, "lasem", 0, run.tasks[0]).axes[0].lines[:4]
    assert [line.get_marker() for line in lines] == [marker] * 4


def test_few_patterns_are_all_named() -> None:
    run = invented("lasem", depth=2)
    figure = curves.posterior(tables.frame(all_rows([run])), "lasem", 0, run.tasks[0])
    assert set(texts_of(figure.legends[0])) == {"SS", "S-", "-S", "--"}
    assert not figure.axes[0].collections


def test_the_grid_shows_who_shares_what(frame: pd.DataFrame) -> None:
    assert curves.sharing_methods(frame, 0) == set(METHODS)
    shared = {"stl": [], "hps": [(place, layer) for place in range(3) for layer in (0, 1)]}
    shared["lasem"] = [
        (place, layer)
        for place, pattern in enumerate(invented("lasem").patterns)
        for layer, letter in enumerate(pattern)
        if letter == "S"
    ]
    for method, places in shared.items():
        axes = curves.sharing(frame, method, 0).axes[0]
        assert axes.get_title(loc="left") == method and len(axes.patches) == 3 * 4
        blue = [one.get_xy() for one in axes.patches if to_hex(one.get_facecolor()) == BLUE]
        found = sorted((round(y + 0.44), round(x + 0.47)) for x, y in blue)
        assert found == sorted(places), method
    labels = [label.get_text() for label in axes.get_yticklabels()]
    assert labels == invented("stl").tasks


def test_tasks_trained_alone_run_on_one_after_another() -> None:
    where = {"experiment": "toy", "protocol": "clean", "method": "cpg", "seed": 0}
    where |= {"stage": "train", "metric": "accuracy"}
    rows = [
        Row(**where, task=task, attempt=0, epoch=epoch, split=split, value=value + epoch / 10)
        for task in ("fish", "apes")
        for epoch in (1, 2, 3)
        for split, value in (("train", 0.2), ("validation", 0.1))
    ]
    axes = curves.training_curves(tables.frame(rows), "cpg", 0).axes[0]
    drawn = [(line.get_label(), line.get_xydata().tolist()) for line in axes.lines]
    both = [one for one in drawn if one[0] == "validation"]
    np.testing.assert_allclose(both[0][1], [[1, 20], [2, 30], [3, 40]])
    np.testing.assert_allclose(both[1][1], [[4, 20], [5, 30], [6, 40]])
    assert [text.get_text() for text in axes.texts] == ["1", "2"]


def test_means_are_read_with_their_spread() -> None:
    table = learning.learning_table(tables.frame(all_rows([worked(0), worked(1, more=0.1)])))
    line = curves.with_spread(learning.mean_over_seeds(table, ["fish", "apes"])).iloc[0]
    assert line["peak %"] == "59.5 ± 7.1" and line["seeds"] == 2 and line["weights"] == 160
    alone = learning.mean_over_seeds(table[table["seed"] == 0], ["fish", "apes"])
    assert curves.with_spread(alone)["final / peak"].item() == "0.95"
    alone["final_accuracy"] = float("nan")
    assert curves.with_spread(alone)["final %"].item() == "-"


def write_answers(base: Path, runs: list[Run]) -> dict[str, list[str]]:
    """What `infer` says of the answers after each run's last task, where it would say it."""
    named: dict[str, list[str]] = {"confusion": [], "mistakes": []}
    for run in runs:
        folder = base / run.method / "s0" / slug(len(run.tasks), run.tasks[-1]) / "infer"
        said = [Answers(task, "a", answer, 5) for task in run.tasks for answer in "ab"]
        texts = {"confusion": to_csv(Answers, said), "mistakes": to_csv(Mistake, [])}
        for name, text in texts.items():
            store.write_text(folder / f"{name}.csv", text)
            named[name].append(str(folder / f"{name}.csv"))
    return named


def stage_of(base: Path, kind: str, runs: list[Run]) -> Stage:
    records = [
        str(path) for stage in STAGES for path in sorted(base.glob(f"*/s*/*/{stage}/record.csv"))
    ]
    found = [str(base / "tables" / f"{name}.csv") for name in TABLES] if kind == "report" else []
    methods = [run.method for run in runs]
    answers = write_answers(base, runs) if kind == "report" else {}
    spec = Reporting(
        settings={"network": {"name": "toy_net"}},
        figures=[["curves", method] for method in methods],
        revision=[1],
        kind=kind,
        experiment="toy",
        protocol="clean",
        methods=methods,
        seeds=[0],
        tasks=list(runs[0].tasks),
        published_rows=[],
        separate="",
        sharing=methods,
    )
    return Stage(kind, str(base / kind), {"records": records, "tables": found, **answers}, spec)


def write_report(folder: Path, runs: list[Run]) -> Path:
    base = write_results(folder / "results", runs)
    tables_stage.run(stage_of(base, "tables", runs))
    report.run(stage_of(base, "report", runs))
    return base


def test_the_page_has_sections_where_there_are_records(tmp_path: Path) -> None:
    base = write_report(tmp_path, [invented(method, epochs=20) for method in METHODS])
    page = (base / "report" / "index.html").read_text()
    drawn = {path.stem for path in (base / "report").glob("*.svg")}
    assert {f"curves-{method}" for method in METHODS} < drawn
    tasks = invented("lasem").tasks
    assert {f"posterior-lasem-{slug(1, tasks[0])}", "layers_shared-lasem"} < drawn
    assert not any(
        name.startswith(("posterior-stl", "weight_owners", "accuracy_against_ratio"))
        for name in drawn
    )
    assert "<h2>Learning, mean over tasks and seeds</h2>" in page
    assert "<summary>learning <" in page and "<summary>goals <" not in page
    assert "3 methods learned 3 tasks one after another, 1 seed, network toy_net." in page
    assert "15 of 30 test pictures wrong" in page
    lines = (base / "tables" / "learning.csv").read_text().splitlines()
    assert lines[0] == ",".join(learning.LEARNING_COLUMNS) and len(lines) == 10


def test_images_that_are_learned_from_and_tested_on_are_told_of_above_the_summary(tmp_path):
    runs = [worked()]
    base = write_results(tmp_path / "results", runs)
    tables_stage.run(stage_of(base, "tables", runs))
    stage, packs = stage_of(base, "report", runs), []
    for name, count in (("Fer", 288), ("clean", 0), ("of an older version", None)):
        outcome = {} if count is None else {"tested_and_trained": count}
        store.write_manifest(base / "pack_data" / name, {}, spec={}, outcome=outcome, inputs={})
        packs.append(str(base / "pack_data" / name / "manifest.json"))
    report.run(replace(stage, inputs={**stage.inputs, "packs": packs}))
    page = (base / "report" / "index.html").read_text()
    words = '<p class="warning">warning: 288 test images of Fer are also images to learn from</p>'
    assert page.index(words) < page.index("<h2>Results</h2>") and page.count(">warning") == 1


def test_results_are_the_same_whatever_the_clock_says(tmp_path: Path) -> None:
    found = []
    for seconds in (1.0, 2000.0):
        base = write_results(tmp_path / str(seconds) / "results", [worked()], seconds)
        tables_stage.run(stage_of(base, "tables", [worked()]))
        found.append({path.name: path.read_bytes() for path in base.glob("tables/*.csv")})
    assert found[0] == found[1] and set(found[0]) == {f"{name}.csv" for name in TABLES}
