"""One name for one thing, files of a readable size, and experiments that stand on their own."""

import ast
import re
import shutil
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from workflow_tree import TREE, snakemake

from lifelong.plan.config import check, load
from lifelong.plan.methods import METHODS
from lifelong.plan.reading import read
from lifelong.plan.schema import schema
from lifelong.plan.settings import SECTIONS

RULES = sorted(path.stem for path in (TREE / "rules").glob("*.smk") if path.stem != "common")
TORCH = ("align_faces", "baseline", "train", "expand", "prune", "retrain", "infer")
PACKAGE = sorted((TREE / "lifelong").rglob("*.py"))
EXPERIMENTS = sorted((TREE / "experiments").glob("*.yaml"))
SCHEMA = schema()


def test_there_are_rules_scripts_and_files_to_look_at():
    scripts = {path.stem for path in (TREE / "workflow_scripts").glob("*.py")}
    assert set(RULES) == scripts and set(TORCH) < set(RULES)
    assert len(PACKAGE) > 30 and len(EXPERIMENTS) >= 2


@pytest.mark.parametrize("rule", RULES)
def test_a_rule_a_script_and_a_stage_have_one_name(rule):
    text = (TREE / f"rules/{rule}.smk").read_text()
    assert re.findall(r"^(?:rule|checkpoint) (\w+):$", text, re.MULTILINE) == [rule]
    assert f'"../workflow_scripts/{rule}.py"' in text and "    run:" not in text
    script = (TREE / f"workflow_scripts/{rule}.py").read_text()
    assert len(script.splitlines()) <= 25 and f'"{rule}"' in script
    assert find_spec(f"lifelong.stages.{rule}")
    tree = ast.parse((TREE / f"lifelong/stages/{rule}.py").read_text())
    assert "run" in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


@pytest.mark.parametrize("rule", RULES)
def test_a_manifest_is_the_last_output_of_its_rule(rule):
    """Snakemake touches outputs one after another: none may look newer than the manifest."""
    text = (TREE / f"rules/{rule}.smk").read_text()
    outputs = re.search(r"^    output:\n(.*?)^    \w+:", text, re.MULTILINE | re.DOTALL)
    assert outputs and outputs[1].rstrip().endswith('/manifest.json",')


@pytest.mark.parametrize("rule", TORCH)
def test_a_rule_that_trains_says_what_it_needs(rule):
    text = (TREE / f"rules/{rule}.smk").read_text()
    keys = re.findall(r"^    (\w+):", text, re.MULTILINE)
    assert {"log", "benchmark", "threads", "resources"} <= set(keys)
    assert "mem_mb=" in text and "runtime=" in text


def test_the_snakefile_includes_every_rule():
    text = (TREE / "Snakefile").read_text()
    assert set(re.findall(r'include: "rules/(\w+)\.smk"', text)) == {*RULES, "common"}


def test_files_and_functions_are_of_a_readable_size():
    long, odd = [], {"utils", "util", "helpers", "common", "misc"}
    for file in PACKAGE:
        text, name = file.read_text(), file.relative_to(TREE)
        if len(text.splitlines()) > 400 or {file.stem, file.parent.name} & odd:
            long.append(f"{name}: {len(text.splitlines())} lines")
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                lines = (node.end_lineno or 0) - node.lineno + 1
                if lines > 60:
                    long.append(f"{name}: {node.name} has {lines} lines")
    assert not long


def test_methods_have_one_list_of_names():
    properties = SCHEMA["properties"]
    assert list(properties["method_settings"]["properties"]) == list(METHODS)
    own = set(SECTIONS)
    for settings_of in properties["method_settings"]["properties"].values():
        assert set(settings_of["properties"]) == own < {*properties}
    variant = properties["variants"]["additionalProperties"]["properties"]
    assert set(variant) == {"method", "published", *own}


def keys_of(schema: dict[str, Any], path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every key that a user may write, with its part of the schema."""
    for name, part in schema.get("properties", {}).items():
        where = f"{path}.{name}".lstrip(".")
        if "$ref" not in part:
            yield where, part
        for inner in (part, part.get("items", {}), part.get("additionalProperties", {})):
            if isinstance(inner, dict):
                yield from keys_of(inner, where)


def test_every_key_of_the_configuration_is_described():
    found = dict(keys_of(SCHEMA))
    assert {"tasks.ratio", "datasets.image_size", "prune.ratios", "published"} <= found.keys()
    assert not [name for name, part in found.items() if len(part.get("description", "")) < 4]


@pytest.mark.parametrize("file", EXPERIMENTS, ids=lambda path: path.stem)
def test_nothing_of_the_default_experiment_leaks_into_another(file):
    assert load([TREE / "config.yaml", file]) == check(read(file))


@pytest.mark.parametrize("file", EXPERIMENTS, ids=lambda path: path.stem)
def test_an_experiment_is_named_as_its_file_and_says_how_to_run_it(file):
    assert read(file)["experiment"] == file.stem
    assert f"snakemake --cores 2 --configfile experiments/{file.name}" in file.read_text()


def test_cifar100_has_its_twenty_superclasses_in_order():
    tasks = check(read(TREE / "experiments/cifar100_20.yaml"))["tasks"]
    names = [task["name"] for task in tasks]
    assert len(names) == 20 and names == sorted(names)
    assert all(len(task["mean"]) == len(task["std"]) == 3 for task in tasks)


def test_cifar100_plans_without_its_images(workflow):
    shutil.copy(TREE / "config.yaml", workflow)
    shutil.copytree(TREE / "experiments", workflow / "experiments")
    said = snakemake(workflow, "-n", "--configfile", "experiments/cifar100_20.yaml")
    stats = said.partition("Job stats:\n")[2].partition("\n\n")[0]
    counts = {name: int(count) for name, count in re.findall(r"^(\w+) +(\d+)$", stats, re.M)}
    shared = 3 * 20  # packnet, pae and cpg
    expected = {"pack_data": 1, "baseline": 2 * 20, "goals": 2 * 20, "infer": 5 * 20}
    expected |= dict.fromkeys(("train", "prune", "select", "retrain"), shared)
    expected |= dict.fromkeys(("tables", "report", "all"), 1)
    assert counts.pop("total") == sum(expected.values())
    assert counts == expected


def test_the_two_commands_of_the_readme_are_targets_of_make():
    readme, makefile = ((TREE / name).read_text() for name in ("README.md", "Makefile"))
    section = readme.partition("## Two commands\n")[2].partition("\n## ")[0]
    commands = re.findall(r"^    make (\w+)", section, re.MULTILINE)
    assert len(commands) == 2
    for name in commands:
        recipe = re.search(rf"^{name}:.*\n((?:\t.*\n)+)", makefile, re.MULTILINE)
        assert recipe and re.search(r"\$\((BIN|PYTEST)\)", recipe[1]), name


def test_the_documentation_lists_every_experiment_and_no_other():
    text = (TREE / "docs" / "workflow.md").read_text()
    named = set(re.findall(r"experiments/\w+\.yaml", text))
    assert named == {f"experiments/{Path(file).name}" for file in EXPERIMENTS}
