"""Adapter: the Snakemake job of rule select to the stage of that name."""

from lifelong.jobs.runner import from_snakemake

from_snakemake("select", snakemake)  # type: ignore[name-defined]  # noqa: F821
