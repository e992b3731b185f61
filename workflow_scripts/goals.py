"""Adapter: the Snakemake job of rule goals to the stage of that name."""

from lifelong.jobs.runner import from_snakemake

from_snakemake("goals", snakemake)  # type: ignore[name-defined]  # noqa: F821
