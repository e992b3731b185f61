"""Adapter: the Snakemake job of rule ground to the stage of that name."""

from lifelong.jobs.runner import from_snakemake

from_snakemake("ground", snakemake)  # type: ignore[name-defined]  # noqa: F821
