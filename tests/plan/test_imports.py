"""Data flows one way: which room may import which, what stays free of torch, and what asks what."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from lifelong.plan.families import FAMILIES
from lifelong.plan.methods import METHODS

TREE = Path(__file__).parents[2]
PACKAGE = TREE / "lifelong"
WORK = {"plan", "store", "records", "data", "faces", "nets", "optim", "masks", "layers", "methods"}
WORK |= {"train", "joint"}
MAY_IMPORT = {
    "plan": set(),
    "store": {"plan"},
    "records": {"plan"},
    "data": {"plan", "store"},
    "faces": {"plan", "store"},
    "nets": {"plan"},
    "optim": {"plan"},
    "masks": {"plan", "nets"},
    "layers": {"plan", "nets"},
    "joint": {"plan", "nets"},
    "methods": {"plan", "nets", "optim", "masks", "layers", "joint"},
    "train": {"plan", "data", "nets", "optim", "masks", "layers", "joint"},
    "work": WORK,
    "families": WORK | {"work"},
    "stages": WORK | {"work", "families", "report"},
    "jobs": WORK | {"work", "families", "report", "stages"},
    "report": {"plan", "records"},
    "use": WORK | {"work", "families", "jobs.find"},
    "arguments": {"plan"},
    "cli": {"arguments", "use", "jobs", "plan"},
    "__main__": {"cli"},
    "__init__": {"use"},
}
TORCH_FREE = (  # rooms and files
    *("plan", "store", "records", "report", "cli"),
    *("jobs/runner", "jobs/driver", "jobs/find", "jobs/handover", "jobs/console"),
    *("stages/goals", "stages/select", "stages/tables", "stages/report"),
    *("families/__init__", "families/choice", "work/seal"),
    *("use/show", "use/verify", "use/matlab", "use/answers"),
)
HEAVY = ("torch", "torchvision", "pandas", "numpy", "h5py", "sklearn", "matplotlib")
FILES = sorted(PACKAGE.rglob("*.py"))
KINDS_OF_FAMILIES = {"LayerModel", "Model", "LayerLearner", "Learner", "TaskView", "Network"}
KINDS_OF_FAMILIES |= {"LayerCard", "Card", "LayerWork", "NetworkWork"}
KINDS_OF_FAMILIES |= {"LessonModel", "LessonLearner", "LessonWork"}


def name_of(file: Path) -> str:
    return file.relative_to(PACKAGE).with_suffix("").as_posix()


def room_of(file: Path) -> str:
    return name_of(file).split("/")[0]


def imported(file: Path) -> set[str]:
    """Full names of modules imported anywhere in a file; `from a import b` counts as a.b too.

    What is loaded by its name at run time (`plan/code.py`) is not among them.
    """
    found = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file} imports relatively"
            found |= {str(node.module)} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def allowed(name: str, room: str) -> bool:
    parts = name.split(".")
    if parts[0] != "lifelong" or len(parts) == 1 or parts[1] == "__version__":
        return True
    if not (PACKAGE / parts[1]).exists() and not (PACKAGE / f"{parts[1]}.py").exists():
        return False
    mine = {room, *MAY_IMPORT[room]}
    return (
        parts[1] in mine
        or ".".join(parts[1:3]) in mine
        or any(rule.startswith(f"{name[9:]}.") for rule in mine)
    )


def test_rooms_import_only_what_they_may():
    assert {room_of(file) for file in FILES} == set(MAY_IMPORT)
    wrong = [
        f"{name_of(file)}: {name}"
        for file in FILES
        for name in sorted(imported(file))
        if not allowed(name, room_of(file))
    ]
    assert not wrong


def test_torch_stays_out_of_what_needs_none():
    names = {name_of(file): file for file in FILES}
    assert {free for free in TORCH_FREE if "/" in free} <= set(names)
    wrong = [
        name
        for name, file in names.items()
        if name in TORCH_FREE or room_of(file) in TORCH_FREE
        if {one.split(".")[0] for one in imported(file)} & {"torch", "torchvision"}
    ]
    assert not wrong


def texts(node: ast.expr) -> set[str]:
    """The texts that stand in an expression such as "a" or ("a", "b")."""
    return {
        one.value
        for one in ast.walk(node)
        if isinstance(one, ast.Constant) and isinstance(one.value, str)
    }


def asks(node: ast.AST) -> bool:
    """Whether an expression or a pattern asks which method or family it has before it."""
    names = {*METHODS, *FAMILIES}
    if isinstance(node, ast.Compare):
        asked = set().union(*map(texts, [node.left, *node.comparators]))
        return bool(asked & names) or "options" in texts(node.left)
    if isinstance(node, ast.MatchValue):
        return bool(texts(node.value) & names)
    if isinstance(node, ast.MatchClass):
        return last_name(node.cls) in KINDS_OF_FAMILIES
    if isinstance(node, ast.Call) and last_name(node.func) in ("isinstance", "issubclass"):
        return bool({last_name(one) for one in ast.walk(node.args[1])} & KINDS_OF_FAMILIES)
    if isinstance(node, ast.Call) and last_name(node.func) in ("startswith", "endswith"):
        return any(texts(one) & names for one in node.args)
    return False


def last_name(node: ast.AST) -> str:
    """`c` of `c` and of `a.b.c`; an empty text for all else."""
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def questions(source: str) -> Iterator[str]:
    """The lines of a source that ask which method or family there is."""
    for node in ast.walk(ast.parse(source)):
        if asks(node):
            yield f"{getattr(node, 'lineno', 0)}: {ast.unparse(node)}"


def test_nobody_asks_which_method_or_family_it_has():
    """The table knows the methods, and FAMILIES[...] tells families apart."""
    wrong = [f"{name_of(file)}:{one}" for file in FILES for one in questions(file.read_text())]
    assert not wrong


@pytest.mark.parametrize(
    "source",
    [
        'if method == "den": pass',
        'if "layers" != row.family: pass',
        'keep = method in ("snn", "other")',
        'more = "options" in stage.spec',
        'match method:\n    case "other" | "gated": pass',
        "match model:\n    case LayerModel(): pass",
        "if isinstance(model, masks.Model): pass",
        "if issubclass(kind, Card | str): pass",
        'if method.startswith(("lasem_hps", "x")): pass',
    ],
)
def test_the_search_finds_each_question(source):
    assert len(list(questions(source))) == 1


def test_the_search_lets_options_and_look_ups_be():
    source = 'FAMILIES[row.family].read(paths)\nleast = options["gated"]["least_rate"]'
    assert not list(questions(source))


def test_only_the_command_line_reads_argv_and_environment():
    readers = {
        str(file.relative_to(PACKAGE))
        for file in FILES
        if re.search(r"\bsys\.argv\b|\bos\.(environ|getenv)\b", file.read_text())
    }
    # The runner sets threads for a job, which must have its worker's PYTHONPATH, and the processes
    # of a stage are a program of their own.
    assert readers <= {"cli.py", "jobs/runner.py", "jobs/handover.py", "jobs/ranks.py"}


def imports_of_the_workflow() -> list[str]:
    """The import lines of the Snakefile and the rules."""
    files = [TREE / "Snakefile", *sorted((TREE / "rules").glob("*.smk"))]
    pattern = re.compile(r"^(?:from|import) .*", re.MULTILINE)
    return [line for file in files for line in pattern.findall(file.read_text())]


def loaded_by(code: str) -> set[str]:
    """Top-level modules in a fresh interpreter after some code."""
    print_them = "import sys; print(*{name.split('.')[0] for name in sys.modules})"
    run = subprocess.run(
        [sys.executable, "-c", f"{code}\n{print_them}"], capture_output=True, text=True, check=True
    )
    return set(run.stdout.split())


def test_parsing_the_snakefile_loads_nothing_heavy():
    ours = [line for line in imports_of_the_workflow() if "snakemake" not in line]
    assert any("lifelong.plan" in line for line in ours)
    assert not any(re.search(r"lifelong\.(?!(?:plan|jobs)\b)", line) for line in ours)
    assert not loaded_by("\n".join(ours)) & set(HEAVY)


@pytest.mark.parametrize(
    "module",
    [
        *("stages.goals", "stages.select", "stages.tables", "stages.report"),
        *("use.matlab", "use.verify", "jobs.driver", "jobs.runner"),
    ],
)
def test_deciding_stages_load_no_torch(module):
    assert "torch" not in loaded_by(f"import lifelong.{module}")


def test_what_prints_a_run_loads_nothing_heavy():
    assert not loaded_by("import lifelong.jobs.console") & set(HEAVY)


def test_choosing_loads_no_torch():
    code = "from lifelong.families import FAMILIES\nfrom lifelong.plan.code import load\n"
    code += "[load(one.choice) for one in FAMILIES.values() if one.choice]"
    assert "torch" not in loaded_by(code)


def test_the_command_line_starts_without_torch():
    assert not loaded_by("import lifelong.cli") & set(HEAVY)
