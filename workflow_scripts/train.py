"""Adapter: the Snakemake job of rule train to the stage of that name."""

from lifelong.jobs.runner import from_snakemake

from_snakemake("train", snakemake)  # type: ignore[name-defined]  # noqa: F821
