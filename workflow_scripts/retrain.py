"""Adapter: the Snakemake job of rule retrain to the stage of that name."""

from lifelong.jobs.runner import from_snakemake

from_snakemake("retrain", snakemake)  # type: ignore[name-defined]  # noqa: F821
