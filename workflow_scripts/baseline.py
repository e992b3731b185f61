"""Adapter: the Snakemake job of rule baseline to the stage of that name."""

from lifelong.jobs.runner import from_snakemake

from_snakemake("baseline", snakemake)  # type: ignore[name-defined]  # noqa: F821
