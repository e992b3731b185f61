"""lifelong: every step of every task is one job. `snakemake --cores 2` runs config.yaml."""

import os
from pathlib import Path

from snakemake.exceptions import WorkflowError
from snakemake.logging import logger
from snakemake.utils import min_version

from lifelong.jobs import failures
from lifelong.plan.errors import UserError
from lifelong.plan.reading import read

min_version("9.3")


try:  # before Snakemake's own reader, which would run what a template asks for
    if Path("config.yaml").exists():
        read(Path("config.yaml"))
except UserError as error:
    raise WorkflowError(str(error)) from None


configfile: "config.yaml"


include: "rules/common.smk"
include: "rules/align_faces.smk"
include: "rules/pack_data.smk"
include: "rules/ground.smk"
include: "rules/baseline.smk"
include: "rules/goals.smk"
include: "rules/train.smk"
include: "rules/expand.smk"
include: "rules/prune.smk"
include: "rules/select.smk"
include: "rules/retrain.smk"
include: "rules/infer.smk"
include: "rules/tables.smk"
include: "rules/report.smk"


localrules:
    all,
    goals,
    select,
    tables,
    report,


rule all:
    default_target: True
    input:
        PLAN.paths.report("index.html"),
        PLAN.paths.tables("summary"),
        [f"{PLAN.paths.of_kind(kind)}/manifest.json" for kind in ("tables", "report")],
        LOST,


onstart:
    failures.clear()
    asked = workflow.output_settings
    if not any((asked.quiet, asked.verbose, asked.printshellcmds, asked.debug_dag)):
        from lifelong.jobs.console import show_stages

        show_stages(logger, sum(not job.log for job in workflow.dag.needrun_jobs()))
    # A worker saves local jobs the import of torch. LIFELONG_WORKER=off: none. A cluster's jobs would
    # leave their allocation if they found the worker of a Snakemake around this one.
    from lifelong.jobs import handover

    if workflow.local_exec:
        handover.start(os.environ)
    else:
        os.environ[handover.VARIABLE] = "off"


onerror:
    failures.say_at_exit()


onsuccess:
    print(f"summary: lifelong show {PLAN.paths.base}")
