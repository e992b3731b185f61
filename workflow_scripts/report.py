"""Adapter: the Snakemake job of rule report to the stage of that name."""

from lifelong.jobs.runner import from_snakemake

from_snakemake("report", snakemake)  # type: ignore[name-defined]  # noqa: F821
