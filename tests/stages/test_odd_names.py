"""Tasks whose names read like numbers or nothing, through all stages to the last page."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from toy_experiment import run_toy, run_whole_toy, toy_plan

from lifelong.plan.plan import Plan
from lifelong.records.tables import read_table
from lifelong.report.page import breakable
from lifelong.use.show import show

NAMES = ("NA", "null")


TASKS = [{"name": name, "classes": [i, 5 + i]} for i, name in enumerate(NAMES)]


def planned(method: str) -> Plan:
    return toy_plan([method], tasks=TASKS, goals={})


@pytest.fixture(scope="module", params=["packnet", "stl"])
def results(request, tmp_path_factory):
    return run_whole_toy(tmp_path_factory.mktemp("odd"), [request.param], tasks=TASKS, goals={})


def test_every_task_counts_in_tables_report_and_means(results):
    accuracies = read_table(results / "tables" / "accuracy.csv")
    assert accuracies["task"].tolist() == [NAMES[0], *NAMES]
    final = accuracies[accuracies["after_task"] == NAMES[1]]["accuracy"]
    (mean,) = pd.read_csv(results / "tables" / "summary.csv")["accuracy_mean"]
    assert mean == pytest.approx(final.mean())
    page = (results / "report" / "index.html").read_text()
    assert all(page.count(f">{breakable(name)}<") for name in NAMES)
    assert "report" in show(results)


@pytest.fixture(scope="module")
def named(tmp_path_factory):
    """A model of pictures whose classes have names that few encodings have letters for."""
    root = tmp_path_factory.mktemp("named")
    for split in ("train", "test"):
        for place, name in enumerate(("日本語", "ελληνικά")):
            (root / "raw" / split / name).mkdir(parents=True)
            for number in range(12):
                pixels = np.full((8, 8), 100 * place + number, np.uint8)
                Image.fromarray(pixels).save(root / "raw" / split / name / f"{number}.png")
    source = {"source": "image_folder", "root": str(root / "raw"), "image_size": 8, "channels": 1}
    tasks = [{"name": "a"}]
    return run_toy(
        root, ["scratch"], datasets={"mine": source}, tasks=tasks, goals={}
    ), root / "raw"


def said(*command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", "-c", f"{sys.executable} -m lifelong {' '.join(command)}"],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
    )


def test_a_terminal_without_such_letters_gets_their_numbers(named):
    results, raw = named
    picture = raw / "test" / "日本語" / "0.png"
    model = ("infer", "--model", str(results / "scratch/s0"), "--task", "a", str(picture))
    for encoding, name in (("utf-8", "日本語"), ("latin-1", "\\u65e5\\u672c\\u8a9e")):
        run = said(*model, PYTHONIOENCODING=encoding)
        assert run.returncode == 0 and name in run.stdout, run.stderr


def test_who_reads_only_the_first_line_sees_no_error(named):
    run = said("show", str(named[0]), "| true")
    assert (run.returncode, run.stderr) == (0, "")


def test_the_backend_of_a_notebook_that_is_not_here_does_not_matter(results):
    method = next(path.parent.name for path in results.glob("*/s0"))
    code = (
        "from test_odd_names import planned; from lifelong.jobs.driver import run_stage; "
        "from lifelong.plan.overview import overview; "
        f"run_stage(overview(planned({method!r}), 'report'))"
    )
    here = Path(__file__).parent
    paths = os.pathsep.join([str(here), str(here.parent), os.environ.get("PYTHONPATH", "")])
    run = subprocess.run(
        [sys.executable, "-c", code],
        cwd=results.parents[1],
        env={**os.environ, "PYTHONPATH": paths, "MPLBACKEND": "inline"},
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stderr
