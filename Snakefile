"""lifelong: every step of every task is one job. `snakemake --cores 2` runs config.yaml."""

from snakemake.utils import min_version

min_version("9.0")


configfile: "config.yaml"


include: "rules/common.smk"
include: "rules/pack_data.smk"
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


onsuccess:
    print(f"summary: lifelong show {PLAN.paths.base}")
