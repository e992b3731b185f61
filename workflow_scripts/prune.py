"""Adapter: the Snakemake job of rule prune to the stage of that name."""

from lifelong.jobs.runner import from_snakemake

from_snakemake("prune", snakemake)  # type: ignore[name-defined]  # noqa: F821
