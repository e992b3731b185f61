"""Adapter: the Snakemake job of rule tables to the stage of that name."""

from lifelong.jobs.runner import from_snakemake

from_snakemake("tables", snakemake)  # type: ignore[name-defined]  # noqa: F821
