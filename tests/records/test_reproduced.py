"""The page of published numbers and ours is made of committed records; blanks were not run."""

import importlib.util
import json
from pathlib import Path
from types import SimpleNamespace

import pytest
from toy_experiment import run_whole_toy

TREE = Path(__file__).parents[2]
COLUMNS = (
    "method,seed,tasks,accuracy_mean,forgetting_mean,union_ratio,cap_ratio,total_mb,"
    "cpu_minutes,device,torch,commit,date\n"
)
RUNS = """\
scratch,0,20,0.6,0,20,20,228,,CPU,2.15.0,abc,2026-11-28
wsn_c50,0,20,0.61,0,0.67,1.295,12.5,50,CPU,2.15.0,abc,2026-11-28
wsn_c50,1,20,0.63,0,0.69,1.315,12.7,60,CPU,2.15.0,abc,2026-11-29
"""


@pytest.fixture
def reproduced(tmp_path, monkeypatch):
    spec = importlib.util.spec_from_file_location("reproduced", TREE / "docs" / "reproduced.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "MEASURED", tmp_path)
    return module


def test_ours_stands_beside_the_published_row(reproduced, tmp_path):
    (tmp_path / "superclass_lenet_runs.csv").write_text(COLUMNS + RUNS)
    lines = reproduced.page().splitlines()
    [wsn] = [line for line in lines if line.startswith("| WSN c=.5, wsn_c50 |")]
    made = "CPU, torch 2.15.0, abc 2026-11-28, abc 2026-11-29"
    assert wsn.split(" | ")[1:] == [
        "61.79 ± 0.23",
        "62.00 ± 1.41",
        "+0.21",
        "0, 1",
        "0.00 ± 0.00",
        "129.68",
        "130.50 ± 1.41",
        "12.60 ± 0.14",
        "55.00 ± 7.07",
        f"{made} |",
    ]
    [packnet] = [line for line in lines if line.startswith("| PackNet")]
    assert packnet.split(" | ")[2:6] == ["", "", "", ""]
    [scratch] = [line for line in lines if line.startswith("| scratch |")]  # no paper has it
    assert scratch.split(" | ")[1:4] == ["", "60.00", ""]
    assert "pixels published" in "\n".join(lines)


def test_a_variant_that_is_not_in_the_methods_stands_beside_its_row(reproduced, tmp_path):
    runs = "wsn_c50_fresh,0,20,0.5,0,1,1.6,12,,CPU,2.15.0,abc,2026-11-28\n"
    (tmp_path / "superclass_lenet_runs.csv").write_text(COLUMNS + runs)
    line = "| WSN c=.5, fresh scores, wsn_c50_fresh | 61.72 ± 0.29 | 50.00 | -11.72 | 0 |"
    assert line in reproduced.page()


def test_what_no_paper_has_is_drawn(reproduced, tmp_path):
    (tmp_path / "superclass_lenet_runs.csv").write_text(COLUMNS + RUNS)
    (tmp_path / "superclass_lenet_quick_runs.csv").write_text(COLUMNS + RUNS)
    [(path, drawing)] = reproduced.figures().items()
    assert path == tmp_path / "superclass_lenet_quick.svg"
    assert "scratch" in drawing and "wsn_c50" in drawing and "MB" in drawing
    text = reproduced.page()
    assert text.count("![accuracy against size]") == 1 and path.name in text
    quick = text.partition("## superclass_lenet_quick\n")[2]  # the last one
    assert "| paper |" not in quick and "| wsn_c50 | 62.00 ± 1.41 | 0, 1 |" in quick


def test_finished_runs_are_taken_in_and_replaced(reproduced, tmp_path, monkeypatch, capsys):
    results = run_whole_toy(tmp_path / "run", ["scratch", "cpg"])
    assert list(results.glob("cpg/s0/*/expand/a1")), "its attempts to grow are stages, too"
    timed = [one for one in results.rglob("timing.json") if "cpg" in one.parts]
    for file in timed:
        file.write_text(json.dumps({"cpu_seconds": 60.0}))
    longer = SimpleNamespace(tasks=["a", "b", "c", "d"])
    monkeypatch.setattr(reproduced, "_plan", lambda name: longer)
    reproduced.add(results, "none", "a CPU")
    assert "left out: cpg, seed 0, 3 of 4 tasks" in capsys.readouterr().out
    assert reproduced._read(tmp_path / "toy_runs.csv") == []
    longer.tasks = longer.tasks[:3]
    for commit in ("one", "two"):
        reproduced.add(results, commit, "a CPU")
    rows = reproduced._read(tmp_path / "toy_runs.csv")
    assert [(row["method"], row["commit"]) for row in rows] == [
        ("cpg", "two"),
        ("scratch", "two"),
    ]
    assert all(0.8 < float(row["accuracy_mean"]) <= 1 and row["tasks"] == "3" for row in rows)
    assert float(rows[1]["union_ratio"]) == 3.0 and float(rows[0]["cap_ratio"]) < 2
    assert float(rows[0]["cpu_minutes"]) == len(timed) and 0 < float(rows[1]["cpu_minutes"]) < 5


def test_the_committed_page_is_up_to_date():
    spec = importlib.util.spec_from_file_location("reproduced", TREE / "docs" / "reproduced.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    for path, text in {module.PAGE: module.page(), **module.figures()}.items():
        assert path.read_text(encoding="utf-8") == text, path
