"""Data flows one way: which room may import which, and what the Snakefile must never load."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

TREE = Path(__file__).parents[2]
PACKAGE = TREE / "lifelong"
BELOW_STAGES = {
    "plan",
    "store",
    "records",
    "data",
    "faces",
    "nets",
    "masks",
    "layers",
    "methods",
    "train",
}
MAY_IMPORT = {
    "plan": set(),
    "store": {"plan"},
    "records": {"plan"},
    "data": {"plan", "store"},
    "faces": {"plan", "store"},
    "nets": {"plan"},
    "masks": {"plan", "nets"},
    "layers": {"plan", "nets"},
    "methods": {"nets", "masks", "layers"},
    "train": {"data", "masks", "layers", "methods.base", "plan.errors"},  # errors belong to all
    "report": {"records"},
    "stages": BELOW_STAGES | {"report"},
    "cli": {"plan", "stages"},
    "__main__": {"cli"},
    "__init__": set(),
}
TORCH_FREE = ("plan", "store", "records", "report", "cli")
LOCAL = (
    "driver",
    "export",
    "find",
    "goals",
    "report",
    "runner",
    "select",
    "tables",
    "seal",
    "show",
    "verify",
)  # stages, no torch
HEAVY = ("torch", "torchvision", "pandas", "numpy", "h5py", "sklearn", "matplotlib")


def room_of(file: Path) -> str:
    inside = file.relative_to(PACKAGE)
    return inside.parts[0] if len(inside.parts) > 1 else inside.stem


def imported(file: Path) -> set[str]:
    """Full names of modules imported anywhere in a file; `from a import b` counts as a.b too."""
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


FILES = sorted(PACKAGE.rglob("*.py"))


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(PACKAGE)))
def test_a_room_imports_only_what_it_may(file):
    room = room_of(file)
    assert room in MAY_IMPORT, f"{room} is a new room: say what it may import"
    wrong = sorted(name for name in imported(file) if not allowed(name, room))
    assert not wrong


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(PACKAGE)))
def test_torch_stays_out_of_rooms_that_need_none(file):
    local = file.parent.name == "stages" and file.stem in LOCAL
    if room_of(file) in TORCH_FREE or local:
        roots = {name.split(".")[0] for name in imported(file)}
        assert not roots & {"torch", "torchvision"}


def test_only_the_command_line_reads_argv_and_environment():
    readers = {
        str(file.relative_to(PACKAGE))
        for file in FILES
        if re.search(r"\bsys\.argv\b|\bos\.(environ|getenv)\b", file.read_text())
    }
    assert readers <= {"cli.py", "stages/runner.py"}  # the runner sets threads for a job


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
    assert not any(re.search(r"lifelong\.(?!plan\b)", line) for line in ours)
    assert not loaded_by("\n".join(ours)) & set(HEAVY)


@pytest.mark.parametrize(
    "stage", ["goals", "select", "tables", "report", "export", "driver", "runner", "verify"]
)
def test_deciding_stages_load_no_torch(stage):
    assert "torch" not in loaded_by(f"import lifelong.stages.{stage}")


def test_the_command_line_starts_without_torch():
    assert not loaded_by("import lifelong.cli") & set(HEAVY)
