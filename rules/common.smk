"""Look-ups of the plan for the rules; everything that decides is in lifelong/plan."""

import json
import os
import re
import sys
from pathlib import Path

from snakemake.exceptions import WorkflowError

from lifelong.jobs.owner import announce
from lifelong.jobs.stale import anchor, mark
from lifelong.plan.advice import VARIABLE, advised, snakemake_as
from lifelong.plan.config import check, over_base
from lifelong.plan.decisions import Grown, grown
from lifelong.plan.errors import DamagedFile, UserError
from lifelong.plan.facts import number, outcome
from lifelong.plan.paths import ROOT
from lifelong.plan.overview import TABLES, figures, overview, overview_inputs
from lifelong.plan.plan import Plan
from lifelong.plan.published import beside_its_file, check_published
from lifelong.plan.raw_files import check_apart
from lifelong.plan.reading import check_once, read, typed
from lifelong.plan.remarks import remarks
from lifelong.plan.settings import merge
from lifelong.plan.specs import canonical
from lifelong.plan.stage import Key

FORCING = {"-f", "--force", "-F", "--forceall", "-R", "--forcerun"}

try:
    check_once(sys.argv[1:])
    FILES = [file for file in map(Path, workflow.configfiles) if file.is_file()]
    for file in FILES:
        read(file)  # Snakemake would keep the last of two equal keys
    # Snakemake has merged all files already, which `over_base` does not always want.
    OPTIONS = workflow.config_settings.config
    GIVEN = merge(workflow.config_settings.overwrite_config, typed(OPTIONS))
    if (
        workflow.modifier.skip_configfile
    ):  # another workflow's module: what it says is all there is
        GIVEN, FILES = {}, []
    PREFIX = workflow.modifier.path_modifier.prefix or ""
    PLAN = Plan(
        beside_its_file(check(over_base(config, GIVEN), OPTIONS), FILES), prefix=PREFIX
    )
    check_published(PLAN.config)
    check_apart(PLAN.config["datasets"], f"{PREFIX}{ROOT}")
except UserError as error:
    raise WorkflowError(str(error)) from None

if workflow.is_main_process:
    # What another configuration made, and what lacks files, runs again, whatever Snakemake remembers.
    try:
        forced = FORCING & {word.partition("=")[0] for word in sys.argv}
        GONE = mark(Plan(PLAN.config, f"{PREFIX}{ROOT}"), bool(forced))
    except UserError as error:
        raise WorkflowError(str(error)) from None
    LOST = [path.removeprefix(PREFIX) for path in GONE]
    os.environ[VARIABLE] = snakemake_as(
        sys.argv[1:],
        workflow.overwrite_configfiles,
        OPTIONS,
        snakefile=workflow.main_snakefile if workflow.overwrite_workdir else "",
        typed_in=os.environ.get("PWD", ""),
    )
    for remark in remarks(PLAN.config, GIVEN):  # a dry run shows them, too
        print(f"Note: {remark}", file=sys.stderr)
else:
    LOST = []
    os.environ.setdefault(
        VARIABLE, snakemake_as([], workflow.overwrite_configfiles, OPTIONS)
    )
ANCHOR = local(anchor())
announce(os.environ)

BASE = PLAN.paths.base
TASK = f"{BASE}/{{method}}/s{{seed}}/{{task}}"


wildcard_constraints:
    method="|".join(PLAN.methods),
    seed="|".join(map(str, PLAN.config["seeds"])),
    task="|".join(map(re.escape, PLAN.folders)),
    attempt=r"[1-9]\d*",
    dataset="[^/]+",
    shard=r"\d\d\d+",


def memory_mb(first):
    """More memory at every try, because a stage that has too little is ended."""

    def of_try(wildcards, attempt):
        return first * attempt

    return of_try


def key_of(kind, wildcards):
    attempt = int(wildcards.get("attempt", 0))
    position = PLAN.position(wildcards.task)
    return Key(kind, wildcards.method, int(wildcards.seed), position, attempt)


def threads_of(kind):
    """One for each process of a stage."""

    def threads(wildcards):
        return PLAN.processes(key_of(kind, wildcards))

    return threads


def folder_of(kind):
    def folder(wildcards):
        return PLAN.folder(key_of(kind, wildcards))

    return folder


def spec_of(kind):
    def spec(wildcards):
        return canonical(PLAN.spec(key_of(kind, wildcards)))

    return spec


def inputs_of(kind):
    """Inputs that are known before anything has run."""

    def inputs(wildcards):
        return PLAN.fixed_inputs(key_of(kind, wildcards))

    return inputs


def grown_inputs_of(kind):
    """Inputs that depend on how often the task had to be widened."""

    def inputs(wildcards):
        return PLAN.grown_inputs(key_of(kind, wildcards), grown_of(wildcards))

    return inputs


def grown_spec_of(kind):
    """What a stage must know when the attempts before it have ended."""

    def spec(wildcards):
        return canonical(PLAN.spec(key_of(kind, wildcards), grown_of(wildcards)))

    return spec


def grown_of(wildcards):
    """How the attempts ended that met the task's goal or the cap; asks for further ones."""
    named = {name: wildcards[name] for name in ("method", "seed", "task")}
    settings = PLAN.settings(wildcards.method)

    def outcome_of(attempt):
        if attempt:
            output = checkpoints.expand.get(attempt=attempt, **named).output
        else:
            output = checkpoints.train.get(**named).output
        return facts_of(output.manifest, outcome)

    if not PLAN.row(wildcards.method).expands:
        return Grown()
    goal = facts_of(checkpoints.goals.get(**named).output.goal, goal_in)
    cap, floor = settings["expand"]["cap"], settings["train"]["min_train_accuracy"]
    return grown(outcome_of, goal, cap, floor)


def goal_in(facts, path):
    return number(facts, "goal", path)


def facts_of(path, take):
    try:
        return take(dict(json.loads(Path(path).read_text())), path)
    except UserError as error:
        raise WorkflowError(advised(error, os.environ[VARIABLE])) from None
    except OSError as error:
        raise WorkflowError(f"cannot read {path}: {error.strerror}") from None
    except (TypeError, ValueError) as error:
        damaged = DamagedFile(path, f"is damaged ({error})")
        raise WorkflowError(advised(damaged, os.environ[VARIABLE])) from None


def faces_stage(wildcards):
    """The job of a shard; shards count from 1."""
    return PLAN.align_stages(wildcards.dataset)[int(wildcards.shard) - 1]


def faces_folder(wildcards):
    return faces_stage(wildcards).folder


def faces_spec(wildcards):
    return canonical(faces_stage(wildcards).spec)


def pack_inputs(wildcards):
    return PLAN.pack_stage(wildcards.dataset).inputs


def pack_folder(wildcards):
    return PLAN.pack_stage(wildcards.dataset).folder


def pack_spec(wildcards):
    return canonical(PLAN.pack_stage(wildcards.dataset).spec)


def ground_folder(wildcards):
    return PLAN.ground_stage.folder


def ground_spec(wildcards):
    return canonical(PLAN.ground_stage.spec)


def overview_inputs_of(kind):
    def inputs(wildcards):
        files = overview_inputs(PLAN, kind)
        if (
            "published" in files
        ):  # no result of ours: no module's `prefix:` or storage moves it
            files["published"] = local(files["published"])
        return files

    return inputs


def overview_spec_of(kind):
    def spec(wildcards):
        return canonical(overview(PLAN, kind).spec)

    return spec


def overview_folder_of(kind):
    def folder(wildcards):
        return PLAN.paths.of_kind(kind)

    return folder
