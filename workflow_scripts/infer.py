"""Adapter: the Snakemake job of rule infer to the stage of that name."""

from lifelong.jobs.runner import from_snakemake

from_snakemake("infer", snakemake)  # type: ignore[name-defined]  # noqa: F821
