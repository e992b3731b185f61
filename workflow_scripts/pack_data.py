"""Adapter: the Snakemake job of rule pack_data to the stage of that name."""

from lifelong.jobs.runner import from_snakemake

from_snakemake("pack_data", snakemake)  # type: ignore[name-defined]  # noqa: F821
